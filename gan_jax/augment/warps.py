"""Spatial transformations of an image: exact copies of pixels, and alias-free affine maps.

Every function acts on one image [H, W, C], is linear in it, and has derivatives of any order;
`jax.vmap` extends it to a batch. Points are (x, y) in pixels from the center of the image, x to the
right and y down. Outside, an image continues periodically by reflection: the pixel before the first is
the second.
"""

import functools
from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

SYM6 = np.array(
  [
    0.01540410932704482,
    0.003490712084222162,
    -0.11799011114852,
    -0.04831174258569805,
    0.4910559419279737,
    0.787641141028651,
    0.3379294217281658,
    -0.07263752278637658,
    -0.02106029251237085,
    0.04472490177078139,
    0.001767711864254008,
    -0.00780070832503238,
  ]
)
"""Low-pass filter h of the symlet with 6 vanishing moments; sum_n h[n] h[n + 2k] = (k == 0)."""

_TAPS_BEFORE = len(SYM6) // 2 - 1
"""Number of filter taps before the center."""
_LARGEST_PRODUCT = 2**24
"""Largest intermediate array of `_by_products`, in numbers; color images of 64 x 64 need less."""


def shift(
  image: jax.Array, offset: jax.Array, largest: Sequence[int], mode: str = 'reflect'
) -> jax.Array:
  """Moves an image by whole pixels: out[y, x] = image[y - offset[0], x - offset[1]].

  Args:
    image: [H, W, C].
    offset: int [2], pixels down and to the right.
    largest: an upper bound of the absolute value of each offset.
    mode: of the fill, as in `jnp.pad`: 'reflect', or 'constant' for 0.

  Returns:
    [H, W, C], exact copies of pixels.
  """
  chex.assert_rank([image, offset], [3, 1])
  padded = jnp.pad(image, [(width, width) for width in largest] + [(0, 0)], mode=mode)
  start = (largest[0] - offset[0], largest[1] - offset[1], 0)
  return jax.lax.dynamic_slice(padded, start, image.shape)


def turn(image: jax.Array, quarters: jax.Array) -> jax.Array:
  """Rotates an image to the left by a number of right angles, which copies pixels exactly.

  Args:
    image: [N, N, C].
    quarters: number of right angles, an int32 scalar in 0 ... 3.

  Returns:
    [N, N, C].
  """
  chex.assert_shape(image, (image.shape[0], image.shape[0], None))
  return jax.lax.select_n(quarters, *(jnp.rot90(image, count) for count in range(4)))


def scaling(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the matrix [3, 3] that multiplies the coordinates of a point (x, y, 1) by the arguments."""
  return jnp.diag(jnp.stack([jnp.asarray(x), jnp.asarray(y), jnp.ones_like(x)]))


def rotation(angle: jax.Array) -> jax.Array:
  """Returns the matrix [3, 3] that rotates x towards y by an angle in radians.

  y points down, so the rotation is clockwise on the screen.
  """
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  one, zero = jnp.ones_like(angle), jnp.zeros_like(angle)
  return jnp.array([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])


def translation(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the matrix [3, 3] that moves a point by (x, y)."""
  one, zero = jnp.ones_like(x), jnp.zeros_like(x)
  return jnp.array([[one, zero, x], [zero, one, y], [zero, zero, one]])


def warp(image: jax.Array, inverse: jax.Array) -> jax.Array:
  """Applies an affine map to an image: out(p) = image(inverse p).

  The image is upsampled to twice its resolution with the filter sym6, sampled bilinearly, and
  downsampled with the reversed filter. The two filters are orthonormal, so the identity map returns the
  image. The filter is not quite symmetric: with A the linear part of the map, out(p) =
  image(inverse p + (1 - A) (d, d)) for d = -0.05 pixels.

  Args:
    image: [H, W, C], float32 or float64, with at least two pixels along each side.
    inverse: [3, 3], from points of the result to points of the image; its last row is not used.

  Returns:
    [H, W, C].

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B. The authors' code reflects the image up to
    its width on each side, and has 0 beyond.
  """
  chex.assert_shape(inverse, (3, 3))
  height, width, _ = image.shape
  if min(height, width) < 2:
    raise ValueError(
      f'the image is {height} x {width}: too small for a reflection (at least 2 x 2); use larger images'
    )
  fine = _along_axes(_upsampling(height), image, _upsampling(width))
  sampled = _bilinear(fine, *_sample_coordinates(inverse, height, width))
  return _along_axes(_downsampling(height), sampled, _downsampling(width))


def _along_axes(rows: np.ndarray, image: jax.Array, columns: np.ndarray) -> jax.Array:
  """Multiplies the first and the second axis by a matrix each, in full precision on any device."""
  down, across = jnp.asarray(rows, image.dtype), jnp.asarray(columns, image.dtype)
  return jnp.einsum('pi,ijc,qj->pqc', down, image, across, precision='highest')


@functools.cache
def _upsampling(size: int) -> np.ndarray:
  """Returns the matrix [4 (size - 1), size] that upsamples one period of the reflected line.

  fine[k] = sqrt(2) sum_j h[j] z[k + 5 - j], where z has pixel i at index 2 i and 0 in between. A line
  and its reflection have the period 2 (size - 1) pixels.
  """
  period = 2 * (size - 1)
  matrix = np.zeros((2 * period, size))
  for k in range(2 * period):
    for j in range((k + _TAPS_BEFORE) % 2, len(SYM6), 2):
      pixel = (k + _TAPS_BEFORE - j) // 2 % period
      matrix[k, min(pixel, period - pixel)] += np.sqrt(2) * SYM6[j]
  return matrix


@functools.cache
def _downsampling(size: int) -> np.ndarray:
  """Returns the matrix [size, 2 size + 10] of out[i] = sum_j h[j] fine[2 i + j - 5] / sqrt(2).

  Its columns begin at fine[-5].
  """
  matrix = np.zeros((size, 2 * size + len(SYM6) - 2))
  for i in range(size):
    matrix[i, 2 * i : 2 * i + len(SYM6)] = SYM6 / np.sqrt(2)
  return matrix


def _sample_coordinates(inverse: jax.Array, height: int, width: int) -> tuple[jax.Array, jax.Array]:
  """Returns the row and column [2 H + 10, 2 W + 10] of each sample, in pixels of the fine image."""
  # The center of the filter is near its sixth tap, which puts pixel i at index 2 i. All are exact.
  along = lambda size: (
    np.arange(-_TAPS_BEFORE, 2 * size + _TAPS_BEFORE, dtype=np.float32) / 2 - (size - 1) / 2
  )
  y, x = along(height)[:, None], along(width)
  coordinate = lambda row: inverse[row, 0] * x + inverse[row, 1] * y + inverse[row, 2]
  return 2 * (coordinate(1) + (height - 1) / 2), 2 * (coordinate(0) + (width - 1) / 2)


def _bilinear(periodic: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """Samples a periodic image bilinearly at rows and columns [h, w] -> [h, w, C].

  Matrix products are a hundred times faster than a gather on a TPU.
  """
  if rows.size * periodic.shape[0] * periodic.shape[2] > _LARGEST_PRODUCT:
    return _by_indices(periodic, rows, columns)
  return jax.lax.platform_dependent(periodic, rows, columns, tpu=_by_products, default=_by_indices)


def _by_products(periodic: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """Computes `_bilinear` by sums over all pixels, with nonzero weights near each sample."""
  height, width, channels = periodic.shape
  down, across = (
    _hats(rows, height).astype(periodic.dtype),
    _hats(columns, width).astype(periodic.dtype),
  )
  lines = jnp.einsum('pj,ijc->pic', across, periodic, precision='highest')
  sampled = jnp.einsum('pi,pic->pc', down, lines, precision='highest')
  return sampled.reshape(*rows.shape, channels)


def _hats(coordinates: jax.Array, period: int) -> jax.Array:
  """Returns the weight [samples, period] of each pixel of a periodic line, max(0, 1 - distance)."""
  diffs = (coordinates.reshape(-1, 1) - np.arange(period) + period / 2) % period - period / 2
  return jnp.maximum(1 - abs(diffs), 0)


def _by_indices(periodic: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """Computes `_bilinear` from the four pixels around each sample."""
  height, width, channels = periodic.shape
  table = periodic.reshape(height * width, channels)
  top, left = jnp.floor(rows), jnp.floor(columns)
  down, right = (fraction[..., None].astype(table.dtype) for fraction in (rows - top, columns - left))

  def pixel(below: int, beside: int) -> jax.Array:
    row = (top.astype(jnp.int32) + below) % height
    column = (left.astype(jnp.int32) + beside) % width
    return table.at[row * width + column].get(mode='promise_in_bounds')

  line = lambda below: _lerp(pixel(below, 0), pixel(below, 1), right)
  return _lerp(line(0), line(1), down)


def _lerp(a: jax.Array, b: jax.Array, fraction: jax.Array) -> jax.Array:
  return a + fraction * (b - a)
