"""Examples that training never sees: which ones each source holds out, and how they are asked for."""

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.common import hashing
from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.run_config import DataConfig
from gan_jax.data import arrays, folder, grid, mixture_1200, mnist5k, ring, stacked5k, swiss_roll
from gan_jax.data import source as sources
from gan_jax.data.pipeline.array_file import Rows
from gan_jax.data.pipeline.held_out import Selected, digest_fractions, place_parts, selected
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.data.source import Source, arrays_of
from helpers.batches import batch

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 6, 6, 1), np.uint8)
LABELS = np.arange(60, dtype=np.int32) % 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))


def contents(source):
  """Returns the bytes of all images of a source."""
  return [image.tobytes() for image in source.images[...]]


def assert_divides(source, images):
  """Asserts that each image is either one of training or held out, and returns the held-out source."""
  held_out = source.held_out()
  assert sorted(contents(source) + contents(held_out)) == sorted(i.tobytes() for i in images)
  assert not set(contents(source)) & set(contents(held_out))
  assert (source.split, held_out.split) == ('train', 'held out')
  assert held_out.held_out is None
  for part in (source, held_out):
    assert part.digest == hashing.of_array(part.images[...])
  assert len({sources.digest(source), sources.digest(held_out)}) == 2
  return held_out


def test_digits_hold_out_the_last_ones_of_each_class():
  images, labels = mnist5k.digits()
  # The file has 500 digits of each class, sorted by class: the last 3 of class c are from 500 c + 497.
  np.testing.assert_array_equal(labels, np.repeat(np.arange(10), 500))
  source = mnist5k.load(0, 8, held_out=3)
  held_out = assert_divides(source, images)
  by_class = images.reshape(10, 500, 28, 28, 1)
  np.testing.assert_array_equal(held_out.images[...], by_class[:, 497:].reshape(30, 28, 28, 1))
  np.testing.assert_array_equal(held_out.labels, np.repeat(np.arange(10), 3))
  np.testing.assert_array_equal(source.images[...], by_class[:, :497].reshape(4970, 28, 28, 1))
  np.testing.assert_array_equal(np.bincount(source.labels), np.full(10, 497))
  assert source.about.startswith('4,970 images 28 x 28 x 1 of mnist5k')
  assert held_out.about.startswith('30 held-out images 28 x 28 x 1 of mnist5k')


def test_digits_without_held_out_ones_are_all_trained_on():
  source = mnist5k.load(0, 8)
  assert len(source.images) == 5000
  assert source.order.selection == 'all'
  with pytest.raises(
    ConfigError, match=r'data.held_out=0: no digit is held out .*; raise data.held_out'
  ):
    source.held_out()


@pytest.mark.parametrize('count', [-1, 500, 2.0, True])
def test_number_of_held_out_digits_out_of_range_is_rejected(count):
  for module in (mnist5k, stacked5k):
    with pytest.raises(ConfigError, match=f'data.held_out={count}: out of range'):
      module.load(0, 8, held_out=count)


def test_batch_larger_than_the_held_out_images_is_rejected():
  message = (
    'mnist5k: it has 10 held-out images, fewer than batch_size=16; lower batch_size, or raise data'
  )
  with pytest.raises(ConfigError, match=message):
    mnist5k.load(0, 16, held_out=1).held_out()


def digits_of(stacked):
  """Returns the digits of a batch of stacks as a set of bytes."""
  pixels = np.rint((np.moveaxis(batch(stacked, 0, np.arange(64))['real'], -1, 1) + 1) * 127.5)
  return {digit.tobytes() for digit in pixels.astype(np.uint8).reshape(-1, 28, 28)}


def test_stacks_of_held_out_digits_have_no_digit_of_training():
  source = stacked5k.load(0, 64, held_out=100)
  images, _ = mnist5k.digits()
  parts = np.split(images.reshape(10, 500, 28, 28), [400], axis=1)
  training, held_out = ({i.tobytes() for i in part.reshape(-1, 28, 28)} for part in parts)
  assert digits_of(source) <= training
  assert digits_of(source.held_out()) <= held_out
  assert source.held_out().split == 'held out'
  assert isinstance(source.held_out().modes, type(source.modes))
  with pytest.raises(ConfigError, match='data.held_out=0: no digit is held out'):
    stacked5k.load(0, 64).held_out()


@pytest.mark.parametrize('module', [ring, grid, swiss_roll, mixture_1200])
def test_held_out_points_are_of_another_stream(module):
  source = module.load(3, 12)
  held_out = source.held_out()
  rows = np.arange(12)
  drawn = [batch(each, 5, rows)['real'] for each in (source, held_out)]
  assert len({tuple(point) for points in drawn for point in points.tolist()}) == 24
  np.testing.assert_array_equal(batch(held_out, 5, rows[4:9])['real'], drawn[1][4:9])
  assert held_out.split == 'held out'
  assert type(held_out.modes) is type(source.modes)


def test_digest_fraction_is_the_sha256_as_a_binary_fraction():
  # SHA-256 of '' begins with e3b0c44298fc1c14, and that of 'abc' with ba7816bf8f01cfea.
  expected = [0xE3B0C44298FC1C14 / 2**64, 0xBA7816BF8F01CFEA / 2**64]
  np.testing.assert_array_equal(digest_fractions([b'', b'abc']), expected)
  assert expected[0] == pytest.approx(0.88941, abs=1e-5)


def test_digest_fractions_are_uniform():
  fractions = digest_fractions(str(i).encode() for i in range(2000))
  # The number below 0.3 has a standard deviation of sqrt(2000 * 0.3 * 0.7) = 20.5.
  assert abs((fractions < 0.3).sum() - 600) < 5 * 20.5


def load_arrays(images=IMAGES, labels=LABELS, held_out=0.3, batch_size=4):
  data = arrays.from_arrays(images, labels, held_out)
  return build.make_source(DataConfig(data, 0, batch_size, 'auto'))


def test_arrays_are_held_out_by_their_bytes():
  source = load_arrays()
  held_out = assert_divides(source, IMAGES)
  is_held_out = digest_fractions(image.tobytes() for image in IMAGES) < 0.3
  # The number of held-out images has a standard deviation of sqrt(60 * 0.3 * 0.7) = 3.5.
  assert 2 < is_held_out.sum() < 34
  np.testing.assert_array_equal(held_out.images[...], IMAGES[is_held_out])
  np.testing.assert_array_equal(held_out.labels, LABELS[is_held_out])
  np.testing.assert_array_equal(source.labels, LABELS[~is_held_out])


def test_arrays_keep_their_part_if_others_are_added_or_the_fraction_grows():
  held_out = set(contents(load_arrays().held_out()))
  fewer = set(contents(load_arrays(IMAGES[:40], LABELS[:40]).held_out()))
  assert fewer == held_out & {image.tobytes() for image in IMAGES[:40]}
  assert held_out < set(contents(load_arrays(held_out=0.6).held_out()))


def test_equal_arrays_share_a_part():
  twice = np.concatenate([IMAGES, IMAGES])
  assert not set(contents(load_arrays(twice, None))) & set(
    contents(load_arrays(twice, None).held_out())
  )


@pytest.mark.parametrize('fraction', [-0.1, 1.0, float('inf')])
def test_fraction_out_of_range_is_rejected(fraction):
  with pytest.raises(
    ConfigError, match=f'data.held_out={fraction}: out of range .at least 0, below 1.'
  ):
    load_arrays(held_out=fraction)


@pytest.mark.parametrize('fraction', [0.0, 1e-9])
def test_fraction_without_an_image_is_rejected_when_held_out_images_are_asked_for(fraction):
  source = load_arrays(held_out=fraction)
  assert len(source.images) == 60
  with pytest.raises(ConfigError, match=f'data.held_out={fraction}: no image of arrays:.*; raise data'):
    source.held_out()


NAMES = [f'{kind}/{i:02}' for kind in ('cat', 'dog') for i in range(20)]


def write(path, names, ending='.png', seed=0):
  """Writes images of random pixels, and returns {bytes of the pixels: name}."""
  random, written = np.random.default_rng(seed), {}
  for name in names:
    file = path / f'{name}{ending}'
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = random.integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    written[pixels.tobytes()] = name
  return written


def names_of(source, written):
  return {written[content] for content in contents(source)}


def test_files_are_held_out_by_their_paths(tmp_path):
  written = write(tmp_path, NAMES)
  source = folder.load(0, 4, 'auto', str(tmp_path), held_out=0.3)
  held_out = assert_divides(source, [np.frombuffer(content, np.uint8) for content in written])
  fractions = digest_fractions(name.encode() for name in NAMES)
  assert names_of(held_out, written) == {n for n, f in zip(NAMES, fractions, strict=True) if f < 0.3}
  assert 2 < len(held_out.images) < 24
  assert held_out.classes == source.classes == ('cat', 'dog')
  for part in (source, held_out):
    labels = [int(written[content].startswith('dog')) for content in contents(part)]
    np.testing.assert_array_equal(part.labels, labels)


def test_files_keep_their_part_if_others_are_added(tmp_path):
  written = write(tmp_path, NAMES)
  before = folder.load(0, 4, 'auto', str(tmp_path), held_out=0.3)
  parts = [names_of(part, written) for part in (before, before.held_out())]
  written |= write(tmp_path, [f'cat/a{i}' for i in range(20)], seed=1)
  after = folder.load(0, 4, 'auto', str(tmp_path), held_out=0.3)
  for part, source in zip(parts, (after, after.held_out()), strict=True):
    assert names_of(source, written) & set(NAMES) == part
    assert len(source.images) > len(part)


def test_part_of_a_file_does_not_depend_on_its_format_or_on_corrupt_files(tmp_path):
  for ending in ('png', 'webp'):
    written = write(tmp_path / ending, NAMES, f'.{ending}')
  (tmp_path / 'webp' / 'cat' / '03.webp').write_bytes(b'corrupt')
  png, webp = (
    folder.load(0, 4, 'auto', str(tmp_path / ending), held_out=0.3) for ending in ('png', 'webp')
  )
  expected = [name for name in NAMES if name in names_of(png.held_out(), written) and name != 'cat/03']
  assert len(webp.held_out().images) == len(expected)
  assert len(webp.images) + len(webp.held_out().images) == 39
  # The part that lacks a file has other images, so its examples do not correspond.
  selections = [[part.order.selection for part in (each, each.held_out())] for each in (png, webp)]
  assert sum(one != other for one, other in zip(*selections, strict=True)) == 1


def test_resident_and_streamed_held_out_batches_are_equal_and_never_mirrored(tmp_path):
  (tmp_path / 'images').write_bytes(IMAGES.tobytes())
  is_held_out = np.arange(60) % 4 == 0
  whole = ImageSet(Rows(tmp_path / 'images', IMAGES.shape), LABELS)
  resident, streamed = (
    place_parts(whole, is_held_out, '', 3, 5, placement, flip=True)
    for placement in ('resident', 'stream')
  )
  assert (resident.read_batches is None, streamed.read_batches is None) == (True, False)
  for one, other in ((resident, streamed), (resident.held_out(), streamed.held_out())):
    for index in range(7):
      for key, array in batch(one, index, np.arange(5)).items():
        np.testing.assert_array_equal(array, batch(other, index, np.arange(5))[key])
  # An epoch of the 15 held-out images has three batches.
  epoch = np.concatenate([batch(streamed.held_out(), i, np.arange(5))['real'] for i in range(3)])
  stored = np.rint((epoch + 1) * 127.5).astype(np.uint8)
  assert sorted(i.tobytes() for i in stored) == sorted(i.tobytes() for i in IMAGES[is_held_out])


def test_selected_images_have_the_interface_of_an_array(tmp_path):
  (tmp_path / 'images').write_bytes(IMAGES.tobytes())
  indices = np.array([3, 17, 4, 59])
  expected = IMAGES[indices]
  for images in (IMAGES, Rows(tmp_path / 'images', IMAGES.shape)):
    chosen = Selected(images, indices)
    assert (chosen.shape, chosen.ndim, chosen.dtype) == (expected.shape, 4, np.uint8)
    assert (len(chosen), chosen.nbytes) == (4, expected.nbytes)
    for index in (2, slice(1, 3), np.array([[0, 3], [1, 1]]), ..., [2, 0]):
      np.testing.assert_array_equal(chosen[index], expected[index])
    np.testing.assert_array_equal(np.asarray(chosen), expected)
    assert hashing.of_array(chosen) == hashing.of_array(expected)


def test_selection_of_a_selection_keeps_indices_of_the_dataset():
  twice = selected(selected(ImageSet(IMAGES, LABELS), np.arange(10, 30)), np.array([0, 5]))
  np.testing.assert_array_equal(twice.indices, [10, 15])
  np.testing.assert_array_equal(twice.images[...], IMAGES[[10, 15]])
  np.testing.assert_array_equal(twice.labels, LABELS[[10, 15]])


def held_out_of(spec, seed=0, batch_size=8):
  return build.make_held_out_source(DataConfig(spec, seed, batch_size, 'auto'))


def test_held_out_source_of_a_config_is_the_same_for_every_seed():
  for spec in ({'name': 'mnist5k', 'held_out': 2}, {'name': 'ring'}):
    one, other = (batch(held_out_of(spec, seed), 0, np.arange(8)) for seed in (1, 2))
    np.testing.assert_array_equal(one['real'], other['real'])


def test_held_out_source_of_a_config_without_held_out_examples_is_rejected(monkeypatch):
  with pytest.raises(ConfigError, match='^data.held_out=0: no digit is held out'):
    held_out_of({'name': 'mnist5k'})
  monkeypatch.setattr(ring, 'load', lambda seed, batch_size: Source({}, jax.jit(lambda *a: {})))
  with pytest.raises(ConfigError, match='data.name=ring: the data has no held-out examples'):
    held_out_of({'name': 'ring'})


def test_batch_needs_only_the_arrays_of_its_rows():
  source = place_parts(ImageSet(IMAGES, LABELS), np.arange(60) < 20, '', 0, 8, 'stream')
  whole = batch(source, 2, np.arange(8))
  few = np.array([6, 1])
  chunk = arrays_of(source, 2, 1, few)
  assert chunk['image'].shape == (1, 2, 6, 6, 1)
  for key, array in batch(source, 2, few).items():
    np.testing.assert_array_equal(array, whole[key][few])
