"""Movements of an image: copies of its pixels, and affine maps, which are resampled without aliasing.

Every function is of one image [H, W, C], linear in it, and can be differentiated in it any number of
times; `jax.vmap` makes it one of a batch. Points are (x, y) in pixels from the middle of the image, x
to the right and y down. What lies outside an image is its reflection, without end: the pixel before
the first is the second.
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
"""The low-pass filter of the symlet of 6 vanishing moments, sum_n h[n] h[n + 2k] = (k == 0)."""

_BEFORE = len(SYM6) // 2 - 1
_MOST = 2**24
"""Numbers between the two products of `_by_products` that an image is worth.

Of 64 x 64 pixels in colour there are fewer.
"""


def shift(image: jax.Array, offset: jax.Array, most: Sequence[int], mode: str = 'reflect') -> jax.Array:
  """The image moved by whole pixels: out[y, x] = image[y - offset[0], x - offset[1]].

  Args:
    image: [H, W, C].
    offset: int [2], how far down and how far to the right.
    most: at least as much as the size of each offset.
    mode: what comes in, as in `jnp.pad`: 'reflect', or 'constant' for 0.

  Returns:
    Of the shape of `image`; exact copies.
  """
  chex.assert_rank([image, offset], [3, 1])
  padded = jnp.pad(image, [(m, m) for m in most] + [(0, 0)], mode=mode)
  start = (most[0] - offset[0], most[1] - offset[1], 0)
  return jax.lax.dynamic_slice(padded, start, image.shape)


def turn(image: jax.Array, quarters: jax.Array) -> jax.Array:
  """The image turned to the left by so many right angles, an exact copy.

  Args:
    image: [N, N, C].
    quarters: int32 scalar in 0 ... 3.
  """
  chex.assert_shape(image, (image.shape[0], image.shape[0], None))
  return jax.lax.select_n(quarters, *(jnp.rot90(image, count) for count in range(4)))


def scaling(x: jax.Array, y: jax.Array) -> jax.Array:
  """The matrix [3, 3] of (x, y) -> (x times the first, y times the second), on points (x, y, 1)."""
  return jnp.diag(jnp.stack([jnp.asarray(x), jnp.asarray(y), jnp.ones_like(x)]))


def rotation(angle: jax.Array) -> jax.Array:
  """The matrix [3, 3] that turns x towards y, clockwise as one sees it, by an angle in radians."""
  cos, sin, one, nil = jnp.cos(angle), jnp.sin(angle), jnp.ones_like(angle), jnp.zeros_like(angle)
  return jnp.array([[cos, -sin, nil], [sin, cos, nil], [nil, nil, one]])


def translation(x: jax.Array, y: jax.Array) -> jax.Array:
  """The matrix [3, 3] that adds (x, y) to a point (x, y, 1)."""
  one, nil = jnp.ones_like(x), jnp.zeros_like(x)
  return jnp.array([[one, nil, x], [nil, one, y], [nil, nil, one]])


def warp(image: jax.Array, inverse: jax.Array) -> jax.Array:
  """The image under an affine map: out(p) = image(inverse p).

  The image, reflected, is brought to twice its resolution with the filter sym6, read there bilinearly
  where the map says, and brought back with the filter in reverse. That pair is orthonormal, so the
  identity gives the image back. The filter is not quite symmetric: with A the linear part of the map,
  out(p) = image(inverse p + (1 - A) (d, d)) for d = -0.05 pixels.

  Args:
    image: [H, W, C], float32 or float64, of at least two pixels each way.
    inverse: [3, 3], from points of the result to points of the image; of its last row nothing is used.

  Returns:
    Of the shape of `image`.

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B. The authors' code reflects the image up to
    its width on each side, and has 0 beyond.
  """
  chex.assert_shape(inverse, (3, 3))
  height, width, _ = image.shape
  if min(height, width) < 2:
    raise ValueError(f'the image is {height} x {width}; to be reflected it needs two pixels each way')
  fine = _along_axes(_upsampling(height), image, _upsampling(width))
  read = _bilinear(fine, *_places(inverse, height, width))
  return _along_axes(_downsampling(height), read, _downsampling(width))


def _along_axes(rows: np.ndarray, image: jax.Array, columns: np.ndarray) -> jax.Array:
  """One matrix on the first axis and another on the second, in full precision on any device."""
  down, across = jnp.asarray(rows, image.dtype), jnp.asarray(columns, image.dtype)
  return jnp.einsum('pi,ijc,qj->pqc', down, image, across, precision='highest')


@functools.cache
def _upsampling(size: int) -> np.ndarray:
  """[4 (size - 1), size]: one period of the reflected line of pixels, at twice the resolution.

  fine[k] = sqrt(2) sum_j h[j] z[k + 5 - j], where z has pixel i at 2 i and 0 between. A line and its
  reflection repeat after 2 (size - 1) pixels.
  """
  period = 2 * (size - 1)
  matrix = np.zeros((2 * period, size))
  for k in range(2 * period):
    for j in range((k + _BEFORE) % 2, len(SYM6), 2):
      pixel = (k + _BEFORE - j) // 2 % period
      matrix[k, min(pixel, period - pixel)] += np.sqrt(2) * SYM6[j]
  return matrix


@functools.cache
def _downsampling(size: int) -> np.ndarray:
  """[size, 2 size + 10]: out[i] = sum_j h[j] fine[2 i + j - 5] / sqrt(2), from the place -5 on."""
  matrix = np.zeros((size, 2 * size + len(SYM6) - 2))
  for i in range(size):
    matrix[i, 2 * i : 2 * i + len(SYM6)] = SYM6 / np.sqrt(2)
  return matrix


def _places(inverse: jax.Array, height: int, width: int) -> tuple[jax.Array, jax.Array]:
  """Rows and columns, both [2 H + 10, 2 W + 10], at twice the resolution, of what is to be read."""
  # The filter has its middle near its sixth tap, which puts pixel i to the place 2 i. All are exact.
  along = lambda size: np.arange(-_BEFORE, 2 * size + _BEFORE, dtype=np.float32) / 2 - (size - 1) / 2
  y, x = along(height)[:, None], along(width)
  at = lambda row: inverse[row, 0] * x + inverse[row, 1] * y + inverse[row, 2]
  return 2 * (at(1) + (height - 1) / 2), 2 * (at(0) + (width - 1) / 2)


def _bilinear(periodic: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """Reads an image that repeats without end between its pixels; places [h, w] -> [h, w, C].

  A TPU multiplies matrices a hundred times faster than it reads from places that it is told.
  """
  if rows.size * periodic.shape[0] * periodic.shape[2] > _MOST:
    return _by_indices(periodic, rows, columns)
  return jax.lax.platform_dependent(periodic, rows, columns, tpu=_by_products, default=_by_indices)


def _by_products(periodic: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """`_bilinear` by sums over all pixels, of which those next to a place have a weight."""
  height, width, channels = periodic.shape
  down, across = (
    _hats(rows, height).astype(periodic.dtype),
    _hats(columns, width).astype(periodic.dtype),
  )
  lines = jnp.einsum('pj,ijc->pic', across, periodic, precision='highest')
  read = jnp.einsum('pi,pic->pc', down, lines, precision='highest')
  return read.reshape(*rows.shape, channels)


def _hats(places: jax.Array, period: int) -> jax.Array:
  """[places, period]: the weight of each pixel of a line that repeats, 1 minus its distance."""
  away = (places.reshape(-1, 1) - np.arange(period) + period / 2) % period - period / 2
  return jnp.maximum(1 - abs(away), 0)


def _by_indices(periodic: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """`_bilinear` by reading the four pixels around each place."""
  height, width, channels = periodic.shape
  table = periodic.reshape(height * width, channels)
  top, left = jnp.floor(rows), jnp.floor(columns)
  down, right = (part[..., None].astype(table.dtype) for part in (rows - top, columns - left))

  def pixel(below: int, beside: int) -> jax.Array:
    row = (top.astype(jnp.int32) + below) % height
    column = (left.astype(jnp.int32) + beside) % width
    return table.at[row * width + column].get(mode='promise_in_bounds')

  line = lambda below: _between(pixel(below, 0), pixel(below, 1), right)
  return _between(line(0), line(1), down)


def _between(a: jax.Array, b: jax.Array, share: jax.Array) -> jax.Array:
  return a + share * (b - a)
