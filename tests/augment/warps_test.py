"""Movements of images: by hand, against SciPy, and their derivatives."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from gan_jax.augment import warps

BEFORE = 5
DISPLACED = (5 - (warps.SYM6 * np.arange(12)).sum() / np.sqrt(2)) / 2
"""How far the middle of the filter is from its sixth tap, in pixels."""


def noise(*shape):
  return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def affine(angle=0.6, sizes=(1.2, 0.7), moved=(3.3, -2.1)):
  return warps.translation(*moved) @ warps.rotation(angle) @ warps.scaling(*sizes)


def test_filter_is_orthonormal_with_vanishing_moments():
  assert warps.SYM6.shape == (12,)
  assert warps.SYM6.sum() == pytest.approx(np.sqrt(2), abs=1e-14)
  products = [warps.SYM6[: 12 - 2 * k] @ warps.SYM6[2 * k :] for k in range(6)]
  np.testing.assert_allclose(products, [1, 0, 0, 0, 0, 0], atol=1e-14)
  # The moments 0 ... 5 of the high-pass filter (-1)^n h[n] are 0: this defines the sixth symlet.
  places = np.arange(12) / 11
  moments = [((-1) ** np.arange(12) * places**k) @ warps.SYM6 for k in range(7)]
  np.testing.assert_allclose(moments[:6], np.zeros(6), atol=1e-14)
  assert abs(moments[6]) > 1e-5


def test_shift_matches_hand_computation():
  image = jnp.arange(1.0, 10).reshape(3, 3, 1)
  moved = lambda mode, *offset: warps.shift(image, jnp.array(offset), (2, 2), mode)[..., 0].tolist()
  rows = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
  assert moved('reflect', 0, 0) == moved('constant', 0, 0) == rows
  # Down by one: the row above the first is 0, or the second.
  assert moved('constant', 1, 0) == [[0, 0, 0], rows[0], rows[1]]
  assert moved('reflect', 1, 0) == [rows[1], rows[0], rows[1]]
  # Left by two: what comes in from the right is 2 after 3, and 1.
  assert moved('constant', 0, -2) == [[3, 0, 0], [6, 0, 0], [9, 0, 0]]
  assert moved('reflect', 0, -2) == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]


def test_rotations_are_counterclockwise():
  image = jnp.array([[1, 2], [3, 4]])[..., None]
  turned = [warps.turn(image, jnp.int32(k))[..., 0].tolist() for k in range(4)]
  assert turned == [[[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]
  several = jax.vmap(warps.turn)(jnp.stack([image] * 4), jnp.arange(4))
  assert several[..., 0].tolist() == turned
  with pytest.raises(AssertionError):
    warps.turn(jnp.zeros((2, 3, 1)), jnp.int32(0))


def test_matrices_match_hand_computation():
  at = lambda matrix: (matrix @ jnp.array([2.0, 3.0, 1.0])).tolist()
  assert at(warps.scaling(10.0, 0.5)) == [20, 1.5, 1]
  assert at(warps.translation(1.0, -4.0)) == [3, -1, 1]
  # A quarter takes (x, 0) to (0, x).
  assert at(warps.rotation(jnp.pi / 2)) == pytest.approx([-3, 2, 1], abs=1e-6)


@pytest.mark.parametrize('shape', [(2, 2, 1), (5, 8, 3), (28, 28, 1), (33, 16, 2)])
def test_identity_map_returns_the_image(shape):
  image = noise(*shape)
  np.testing.assert_allclose(warps.warp(image, jnp.eye(3)), image, atol=1e-6)


def test_integer_shifts_are_exact_with_repeated_reflection():
  image = noise(7, 6, 2)
  moved = lambda x, y: warps.warp(image, warps.translation(-x, -y))
  expected = warps.shift(image, jnp.array([-2, 3]), (3, 3))
  np.testing.assert_allclose(moved(3.0, -2.0), expected, atol=2e-6)
  # A line of n pixels and its reflection are 2 (n - 1) long.
  np.testing.assert_allclose(moved(30.0, -36.0), image, atol=1e-5)


def by_scipy(image, inverse):
  """The same with SciPy's padding, filters and interpolation, in double precision."""
  (height, width, channels), margin = image.shape, 4 * max(image.shape)
  padded = np.pad(image.astype(float), [(margin, margin)] * 2 + [(0, 0)], 'reflect')
  fine = padded
  for axis in (0, 1):
    fine = scipy.signal.upfirdn(np.sqrt(2) * warps.SYM6, fine, up=2, axis=axis)
  rows, columns = (np.arange(-BEFORE, 2 * n + BEFORE) / 2 - (n - 1) / 2 for n in (height, width))
  y, x = np.meshgrid(rows, columns, indexing='ij')
  inside = np.einsum('ij,jhw->ihw', np.asarray(inverse, float), np.stack([x, y, np.ones_like(x)]))
  at = lambda axis, size: 2 * (inside[axis] + (size - 1) / 2) + 2 * margin + BEFORE
  places = np.stack([at(1, height), at(0, width)])
  each = [scipy.ndimage.map_coordinates(fine[..., c], places, order=1) for c in range(channels)]
  out = np.stack(each, axis=-1)
  for axis in (0, 1):
    out = scipy.signal.upfirdn(warps.SYM6[::-1] / np.sqrt(2), out, axis=axis)
  return out[11 : 11 + 2 * height : 2, 11 : 11 + 2 * width : 2]


@pytest.mark.parametrize(
  'inverse',
  [jnp.eye(3), affine(), affine(2.5, (-0.9, 1.6), (20.0, 9.0)), warps.scaling(0.3, 0.4)],
  ids=['identity', 'affine', 'flipped, far', 'larger'],
)
def test_affine_map_matches_scipy(inverse):
  image = noise(11, 14, 2)
  np.testing.assert_allclose(warps.warp(image, inverse), by_scipy(image, inverse), atol=1e-4)


# Output of the authors' training/augment.py for the image and the map below, with PyTorch 2.13.0.
THEIRS = [
  [-0.1117, 0.6797, 0.4812, -0.2543, -0.8505, 0.6332],
  [0.1897, -0.2745, -0.1429, 0.2205, 0.1897, 0.5559],
  [-0.3082, -0.7635, 0.8145, 0.8334, -0.0888, -0.4103],
  [0.7362, 0.3323, 0.1618, -0.533, -1.0711, 0.4697],
  [0.5952, -0.328, -0.3758, 0.0412, -0.1242, 0.1287],
]


def test_affine_map_matches_stylegan2_ada():
  image = (np.arange(30.0) * 7 % 11 / 5 - 1).reshape(5, 6, 1).astype(np.float32)
  inverse = warps.scaling(1 / 1.25, 1 / 1.25) @ warps.rotation(0.4) @ warps.scaling(1.25, 0.8)
  inverse = inverse @ warps.rotation(-1.0) @ warps.translation(-0.1 * 6, 0.05 * 5)
  np.testing.assert_allclose(warps.warp(image, inverse)[..., 0], THEIRS, atol=2e-4)


def test_smooth_image_moves_to_its_target():
  height, width = 24, 32
  # Cosines are their own reflections.
  smooth = lambda y, x: (
    np.cos(2 * np.pi * (x / (width - 1) + 0.5)) * np.cos(3 * np.pi * (y / (height - 1) + 0.5))
  )
  y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (height, width)), indexing='ij')
  inverse = np.asarray(affine(0.5, (0.9, 1.1), (2.5, -1.25)), float)
  moved = inverse[:2, :2] @ (np.stack([x, y]).reshape(2, -1) - DISPLACED) + DISPLACED
  expected = smooth(*(moved + inverse[:2, 2:])[::-1]).reshape(height, width)
  image = jnp.array(smooth(y, x), jnp.float32)[..., None]
  np.testing.assert_allclose(warps.warp(image, jnp.array(inverse))[..., 0], expected, atol=0.01)


def test_quarter_turn_matches_rot90_up_to_the_filter():
  line = np.arange(16.0) / 15
  image = jnp.array(np.add.outer(np.cos(np.pi * line), line * 0 + np.cos(2 * np.pi * line)))[..., None]
  quarter = warps.warp(image, warps.rotation(jnp.pi / 2))
  # 0.1 pixels of gradients up to 2 pi / 15, and what bilinear reading blurs.
  np.testing.assert_allclose(quarter, warps.turn(image, jnp.int32(1)), atol=0.06)
  assert abs(quarter - warps.turn(image, jnp.int32(3))).max() > 1.5


def test_derivatives_match_finite_differences():
  with jax.enable_x64(True):
    image, inverse = jnp.array(noise(5, 6, 1), jnp.float64), affine().astype(jnp.float64)
    cube = lambda image: (warps.warp(image, inverse) ** 3).sum()
    chex.assert_numerical_grads(cube, (image,), order=2, rtol=1e-5, atol=1e-5, modes=['rev'])
    assert warps.warp(image, inverse).dtype == jnp.float64


def test_gradient_is_the_transposed_map():
  first, second = noise(2, 6, 7, 2)
  warped, back = jax.vjp(lambda image: warps.warp(image, affine()), first)
  # <W x, y> = <x, W^T y>.
  np.testing.assert_allclose((warped * second).sum(), (first * back(second)[0]).sum(), rtol=1e-4)


def test_batch_applies_one_map_per_image():
  images, maps = noise(3, 6, 6, 1), jnp.stack([jnp.eye(3), affine(), affine(1.0)])
  batch = jax.jit(jax.vmap(warps.warp))(images, maps)
  for image, inverse, got in zip(images, maps, batch, strict=True):
    np.testing.assert_allclose(got, warps.warp(image, inverse), atol=1e-5)


@pytest.mark.parametrize('shape', [(2, 3, 1), (12, 7, 3)])
def test_gather_by_products_matches_gather_by_indices(shape):
  image, rows, columns = noise(*shape), 30 * noise(4, 5), 20 * noise(5, 4).T
  # Between pixels, and on them.
  rows[0], columns[1] = np.round(rows[0]), np.round(columns[1])
  found, expected = (
    jax.vjp(functools.partial(read, rows=rows, columns=columns), image)
    for read in (warps._by_products, warps._by_indices)
  )
  np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
  gradient = noise(4, 5, shape[-1])
  np.testing.assert_allclose(found[1](gradient)[0], expected[1](gradient)[0], atol=1e-5)


def test_tpu_gathers_small_images_by_products():
  def lowered(size, platform):
    shapes = jax.ShapeDtypeStruct((size, size, 3), jnp.float32), jnp.eye(3)
    return jax.jit(warps.warp).trace(*shapes).lower(lowering_platforms=(platform,)).as_text()

  assert 'stablehlo.gather' not in lowered(64, 'tpu')
  assert 'stablehlo.gather' in lowered(128, 'tpu')
  assert 'stablehlo.gather' in lowered(64, 'cpu')


def test_image_of_one_pixel_is_rejected():
  with pytest.raises(ValueError, match='1 x 4: too small for a reflection'):
    warps.warp(jnp.zeros((1, 4, 1)), jnp.eye(3))
