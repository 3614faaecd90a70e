"""Images: conversion to bytes on the host and in programs, files, and pictures."""

import io
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax.common import plots
from gan_jax.common.errors import ConfigError
from gan_jax.game import Game
from gan_jax.modalities import images

STORAGE, DRAWING = images.MODALITY.storage, images.MODALITY.drawing
BYTES = np.random.RandomState(0).randint(0, 256, (20, 4, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize('convert', [STORAGE.from_outputs, jax.jit(STORAGE.from_traced)])
def test_outputs_are_stored_as_the_nearest_byte(convert):
  # -1 and 1 are 0 and 255; -1 + 1.6 / 127.5 is 1.6, and values outside the range are clipped.
  outputs = jnp.array([-2, -1, -1 + 1.6 / 127.5, 0.999, 1, 3], jnp.float32)
  np.testing.assert_array_equal(convert(outputs), [0, 0, 2, 255, 255, 255])
  assert convert(outputs).dtype == images.MODALITY.storage.dtype == np.uint8


def test_host_and_program_store_the_same_bytes():
  outputs = np.random.RandomState(1).uniform(-1.2, 1.2, (50, 4, 4, 3)).astype(np.float32)
  np.testing.assert_array_equal(STORAGE.from_outputs(outputs), STORAGE.from_traced(jnp.array(outputs)))


def test_stored_images_pass_unchanged_through_a_program():
  np.testing.assert_array_equal(jax.jit(STORAGE.from_traced)(BYTES), BYTES)


def test_stored_images_become_the_inputs_that_training_gives_to_networks():
  inputs = jax.jit(STORAGE.to_inputs)(BYTES)
  assert inputs.dtype == np.float32
  np.testing.assert_allclose(inputs, BYTES / 127.5 - 1, atol=1e-7)
  np.testing.assert_array_equal(jax.jit(STORAGE.to_inputs)(inputs), inputs)
  np.testing.assert_array_equal(STORAGE.from_traced(inputs), BYTES)


def test_file_of_an_image_is_a_png_of_its_pixels():
  assert STORAGE.file.suffix == '.png'
  with Image.open(io.BytesIO(STORAGE.file.encode(BYTES[3]))) as image:
    assert image.format == 'PNG'
    np.testing.assert_array_equal(np.asarray(image), BYTES[3])


@pytest.mark.parametrize(
  ('array', 'accepted'),
  [
    (BYTES, True),
    (BYTES[..., :1].astype(np.float64), True),
    (BYTES[..., :2], False),
    (BYTES.astype(np.int64), False),
  ],
)
def test_arrays_of_bytes_or_floats_with_1_or_3_channels_are_accepted(array, accepted):
  assert STORAGE.accepts(array) == accepted


def test_given_floats_are_stored_as_bytes_and_out_of_range_refused(capsys):
  floats = (2 * BYTES.astype(np.float64) - 255) / 255
  np.testing.assert_array_equal(STORAGE.from_arrays(floats, 'real=a'), BYTES)
  assert capsys.readouterr().err == ''
  with pytest.raises(ConfigError, match=r'real=a: values from -3 to 3 are out of range'):
    STORAGE.from_arrays(np.array([[[[-3.0], [3.0]]]]), 'real=a')


def test_data_are_drawn_alone_or_beside_their_augmentation():
  real = (2 * BYTES[:4].astype(np.float32) - 255) / 255
  alone = DRAWING.data(real, dict)
  np.testing.assert_array_equal(alone, plots.grid(BYTES[:4]))
  both = DRAWING.data(real, lambda: {'augmented': -real})
  height, width = alone.shape[:2]
  np.testing.assert_array_equal(both[-height:, :width], alone)
  np.testing.assert_array_equal(both[-height:, -width:], plots.grid(255 - BYTES[:4]))


def test_training_is_drawn_for_all_weights_with_the_same_latents():
  sample = lambda variables, keys: jnp.tanh(
    variables * jax.vmap(lambda key: jax.random.normal(key, (4, 4, 1)))(keys)
  )
  draw = DRAWING.training(Game({}, (), None, sample), jnp.zeros((2, 4, 4, 1)), None, 5)
  make, metrics = draw({'one': jnp.float32(1), 'minus': jnp.float32(-1)}, 70)
  assert metrics == {}
  # 64 images of 4 x 4, doubled, in a square with gaps of 2 pixels: 8 x 10 + 2.
  left, right = make()[-82:, :82], make()[-82:, -82:]
  shown = np.zeros((82, 82), bool)
  for row, column in itertools.product(range(8), range(8)):
    shown[2 + 10 * row :, 2 + 10 * column :][:8, :8] = True
  # The second weights give the negative image.
  np.testing.assert_allclose(left[shown].astype(int) + right[shown], 255, atol=1)
  assert np.ptp(left[shown]) > 100


def test_tile_shows_the_first_16_samples_in_4_columns():
  outputs = (2 * BYTES.astype(np.float32) - 255) / 255
  asked = []

  def sample(num):
    asked.append(num)
    return outputs[:num]

  tile = DRAWING.tile(np.zeros((9, 9, 3), np.uint8), sample)
  np.testing.assert_array_equal(tile, plots.grid(BYTES[:16], 4))
  assert asked == [16]


def test_sheet_of_neighbors_has_no_gaps():
  sheet = images.MODALITY.inspection.neighbors.sheet(BYTES[:6].reshape(2, 3, 4, 6, 3))
  assert sheet.shape == (2 * 4, 3 * 6, 3)
  for i in range(6):
    row, column = divmod(i, 3)
    np.testing.assert_array_equal(sheet[4 * row :, 6 * column :][:4, :6], BYTES[i])


def test_pixels_are_compared_as_bytes_and_reported_in_units_of_the_range():
  space = images.MODALITY.inspection.neighbors.space
  vectors = space.vectors(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1))
  # From -1 to 1 are 2 units.
  assert np.ptp(vectors.astype(float)) / space.unit == 2
