"""Resident and streamed images: the same batches, on any devices."""

import jax
import numpy as np
import pytest

from gan_jax.data.pipeline import placement
from gan_jax.data.pipeline.array_file import Rows
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.pipeline.shuffle import secrets, shuffled, shuffled_on_host
from gan_jax.data.source import arrays_of
from gan_jax.runtime import devices as runtime_devices

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (50, 6, 6, 3), np.uint8)
LABELS = np.arange(50, dtype=np.int32)
ROWS = np.arange(8)


@pytest.fixture
def on_disk(tmp_path):
  (tmp_path / 'images').write_bytes(IMAGES.tobytes())
  return Rows(tmp_path / 'images', IMAGES.shape)


def batch(source, index, rows=ROWS, first=None, count=3):
  """Returns rows of a batch, read with `count` batches from `first` on."""
  arrays = arrays_of(source, index if first is None else first, count, rows)
  return jax.device_get(jax.jit(source.batch)(arrays, index, rows))


@pytest.mark.parametrize('flip', [False, True])
def test_resident_and_streamed_batches_are_equal(on_disk, flip):
  resident = place(ImageSet(IMAGES, LABELS), 3, 8, 'resident', flip)
  streamed = place(ImageSet(on_disk, LABELS), 3, 8, 'stream', flip)
  assert resident.read_batches is None
  assert streamed.read_batches
  assert streamed.arrays == {}
  # An epoch has 6 batches, so these are from four epochs.
  for index in range(20):
    one, other = batch(resident, index), batch(streamed, index, first=max(index - 2, 0))
    assert one.keys() == other.keys() == {'real', 'label'}
    for key in one:
      np.testing.assert_array_equal(one[key], other[key])


def test_dataset_without_labels_has_none_in_batches(on_disk):
  for images in (IMAGES, on_disk):
    for where in ('resident', 'stream'):
      assert batch(place(ImageSet(images), 0, 8, where), 0).keys() == {'real'}


@pytest.mark.parametrize('placement', ['resident', 'stream'])
def test_batch_halves_are_disjoint_and_complete(placement):
  source = place(ImageSet(IMAGES, LABELS), 0, 8, placement)
  whole, *halves = (batch(source, 4, rows) for rows in (ROWS, ROWS[:4], ROWS[4:]))
  assert not set(halves[0]['label']) & set(halves[1]['label'])
  for key, array in whole.items():
    np.testing.assert_array_equal(array, np.concatenate([half[key] for half in halves]))


def test_half_of_the_images_are_mirrored_at_random():
  source = place(ImageSet(IMAGES, LABELS), 0, 50, flip=True)
  mirrored = 0
  for index in range(40):
    examples = batch(source, index, np.arange(50))
    images = np.float32(IMAGES[examples['label']]) / 127.5 - 1
    is_original = np.isclose(examples['real'], images, atol=1e-6).all(axis=(1, 2, 3))
    is_mirrored = np.isclose(examples['real'], images[:, :, ::-1], atol=1e-6).all(axis=(1, 2, 3))
    assert (is_original ^ is_mirrored).all()
    mirrored += is_mirrored.sum()
  # The number of mirrored images out of 2,000 has a standard deviation of 22.4.
  assert abs(mirrored - 1000) < 5 * 22.4


# On a device, each image of 108 bytes takes a row of 128.
@pytest.mark.parametrize(('memory', 'resident'), [(50 * 128 * 4, True), (50 * 128 * 4 - 1, False)])
def test_resident_data_is_limited_to_a_quarter_of_memory(monkeypatch, memory, resident):
  monkeypatch.setattr(placement.devices, 'device_memory', lambda: memory)
  source = place(ImageSet(IMAGES, name='mine'), 0, 8)
  assert (source.read_batches is None) == resident
  where = 'resident on each device' if resident else 'streamed'
  assert source.about == f'50 images 6 x 6 x 3 of mine, {where} (0.0 MB of 0.0 MB)'
  for forced in ('resident', 'stream'):
    source = place(ImageSet(IMAGES), 0, 8, forced)
    assert (source.read_batches is None) == (forced == 'resident')


def test_cpu_device_memory_is_an_equal_fraction_of_the_machine():
  assert 2**26 < runtime_devices.device_memory() < 2**50


@pytest.mark.parametrize('total', [1, 3, 10, 64, 1000, 4097])
def test_shuffle_order_on_the_host_matches_the_device(total):
  key, indices = jax.random.key(7), np.arange(total)
  on_host = shuffled_on_host(np.asarray(secrets(key)), indices, total)
  np.testing.assert_array_equal(on_host, shuffled(key, indices, total))


@pytest.mark.parametrize('count', [1, 2, 8])
def test_each_device_receives_its_own_rows(count):
  source, devices = place(ImageSet(IMAGES, LABELS), 0, 16, 'stream'), jax.devices()[:count]
  rows = runtime_devices.rows(16, devices)
  chunks = (arrays_of(source, first, 2, rows.reshape(-1)) for first in (0, 2, 4))
  feeds = runtime_devices.device_batches(chunks, 16, devices)
  step = jax.pmap(
    lambda feed, index: source.batch(feed['arrays'], index, feed['rows']),
    in_axes=(0, None),
    devices=devices,
  )
  for first, feed in zip((0, 2, 4), feeds, strict=True):
    for index in (first, first + 1):
      sharded, expected = step(feed, index), batch(source, index, np.arange(16))
      for key, array in expected.items():
        np.testing.assert_array_equal(sharded[key].reshape(array.shape), array)
