"""Datasets of arrays that a program gives."""

import numpy as np
import pytest

import gan_jax
from gan_jax.common.errors import ConfigError
from gan_jax.config import build, run_config, schema
from gan_jax.data import arrays
from gan_jax.data import source as sources

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
LABELS = np.arange(40) % 3


def source(data):
  config = gan_jax.load_config('gan:test', data=data, batch_size=8)
  return build.make_source(run_config.parse(schema.plain(config)).data)


def test_batch_has_the_images_and_their_labels():
  made = source(arrays.from_arrays(IMAGES, LABELS))
  batch = build.make_batch(made, 8)
  assert batch['real'].shape == (8, 8, 8, 1)
  for image, label in zip(batch['real'], batch['label'], strict=True):
    stored = np.round((np.asarray(image) + 1) * 127.5).astype(np.uint8)
    index = next(i for i in range(40) if (IMAGES[i] == stored).all())
    assert label == LABELS[index]


def test_floats_in_range_are_the_same_dataset_as_bytes():
  floats = IMAGES[..., 0] / np.float32(127.5) - 1
  assert arrays.from_arrays(floats) == arrays.from_arrays(IMAGES)


def test_other_labels_are_another_dataset():
  assert arrays.from_arrays(IMAGES, LABELS) != arrays.from_arrays(IMAGES, LABELS[::-1])


def test_arrays_of_another_process_are_refused():
  with pytest.raises(ConfigError, match=r'data.*arrays:0123: this process has no such arrays'):
    source({'name': 'arrays:0123'})


@pytest.mark.parametrize(
  ('images', 'labels', 'message'),
  [
    (IMAGES[0, 0], None, 'images=uint8 .*: wrong type or shape'),
    (IMAGES.astype(np.int32), None, 'images=int32 .*: wrong type or shape'),
    (IMAGES.astype(np.float32), None, 'images=float32 from 0 to 255: out of range'),
    (np.full((4, 8, 8, 1), np.nan), None, 'out of range'),
    (IMAGES, LABELS[:5], 'labels=int64 .5.: wrong type, shape or range'),
    (IMAGES, LABELS - 1, 'labels=int64'),
  ],
)
def test_unusable_arrays_are_refused(images, labels, message):
  with pytest.raises(ConfigError, match=message):
    arrays.from_arrays(images, labels)


def test_floats_without_negative_values_are_warned_of():
  with pytest.warns(UserWarning, match=r'no value is negative .*; if 0 is black, use 2 \* images - 1'):
    data = arrays.from_arrays(IMAGES / np.float32(255))
  assert np.asarray(build.make_batch(source(data), 8)['real']).min() >= 0


def test_label_without_an_image_is_warned_of():
  with pytest.warns(UserWarning, match='labels: no image has the label 0 .all whole'):
    data = arrays.from_arrays(IMAGES, LABELS + 1)
  assert sources.label_count(source(data)) == 4
