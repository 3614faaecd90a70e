"""Maps of colors by hand, and against NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import colors

COLOR = np.array([0.5, -0.25, 0.8])


def of(matrix, color=COLOR):
  """A color under a map."""
  return np.asarray(colors.recolor(jnp.array(color, jnp.float32)[None, None], matrix))[0, 0]


def test_color_matrices_match_hand_computation():
  np.testing.assert_allclose(of(colors.brightness(0.25, 3)), [0.75, 0, 1.05], rtol=1e-6, atol=1e-7)
  np.testing.assert_allclose(of(colors.contrast(2.0, 3)), [1, -0.5, 1.6], rtol=1e-6)
  # The mean is 1.05 / 3 = 0.35; the flip takes twice that from each.
  np.testing.assert_allclose(of(colors.luma_flip(1.0, 3)), [-0.2, -0.95, 0.1], rtol=1e-5, atol=1e-6)
  # 0.15, -0.6 and 0.45 from it.
  np.testing.assert_allclose(of(colors.saturation(2.0, 3)), [0.65, -0.85, 1.25], rtol=1e-5)
  np.testing.assert_allclose(of(colors.saturation(0.0, 3)), [0.35, 0.35, 0.35], rtol=1e-5)
  # A third of a circle hands each channel to the next.
  np.testing.assert_allclose(of(colors.hue(2 * jnp.pi / 3)), [0.8, 0.5, -0.25], rtol=1e-5, atol=1e-6)


def test_color_matrices_of_one_channel_are_gray():
  gray = np.array([0.5])
  assert of(colors.brightness(0.25, 1), gray) == pytest.approx(0.75)
  assert of(colors.contrast(3.0, 1), gray) == pytest.approx(1.5)
  assert of(colors.luma_flip(1.0, 1), gray) == pytest.approx(-0.5)
  assert of(colors.saturation(5.0, 1), gray) == pytest.approx(0.5)


def test_neutral_parameters_give_the_identity():
  matrices = [colors.brightness(0.0, 3), colors.contrast(1.0, 3), colors.luma_flip(0.0, 3)]
  for matrix in (*matrices, colors.saturation(1.0, 3), colors.hue(0.0)):
    np.testing.assert_allclose(matrix, np.eye(4), atol=1e-7)


def test_product_of_matrices_matches_numpy():
  luma = np.ones(3) / np.sqrt(3)
  color = 1.5 * (COLOR + 0.3)
  color = color - 2 * luma * (luma @ color)
  along = luma * (luma @ color)
  # A turn about the luma axis: what is across to it, and what is across to both.
  color = along + np.cos(0.7) * (color - along) + np.sin(0.7) * np.cross(luma, color)
  color = along + 0.4 * (color - along)
  matrix = colors.saturation(0.4, 3) @ colors.hue(0.7) @ colors.luma_flip(1.0, 3)
  matrix = matrix @ colors.contrast(1.5, 3) @ colors.brightness(0.3, 3)
  np.testing.assert_allclose(of(matrix), color, rtol=1e-5, atol=1e-6)


def test_color_map_is_the_same_for_every_pixel_and_differentiable():
  image = jax.random.normal(jax.random.key(0), (4, 5, 3))
  matrix = colors.hue(0.3) @ colors.brightness(0.2, 3)
  got = colors.recolor(image, matrix)
  np.testing.assert_allclose(got[2, 3], of(matrix, image[2, 3]), rtol=1e-5)
  square = lambda image: (colors.recolor(image, matrix) ** 2).sum()
  chex.assert_numerical_grads(square, (image,), order=2, rtol=1e-2, atol=1e-2)


def test_color_map_of_other_channels_is_rejected():
  with pytest.raises(AssertionError):
    colors.recolor(jnp.zeros((2, 2, 3)), jnp.eye(2))
