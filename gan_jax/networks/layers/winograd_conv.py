"""The 4 x 4 convolution of stride 2 and padding 1 as matrix products, for CPUs.

Pixels grouped two by two make of it a 2 x 2 convolution of stride 1, and a 2 x 2 kernel over output
tiles of 2 x 2 needs 9 products where it has 16 (Winograd 1980, "Arithmetic complexity of computations";
for convolutions Lavin & Gray 2016, arXiv:1509.09308, F(2 x 2, 2 x 2)). Along one axis, of inputs d and
taps g,

    m = (d0 - d1) g0, d1 (g0 + g1), (d1 - d2) g1        y = m0 + m1, m1 - m2.

An odd number of outputs needs no padding: its last tile has no y1, so no m2.

The two rows of a group stay apart, so that each of the 9 is a sum of two products over 2 C inputs, and
pixels are never moved from an axis of the image to the channels.
"""

from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
from jax import lax

Tiles = list[list[list[jax.Array]]]
"""[row of a group][i][j] -> [N, h / 2, w / 2, 2 C], what the products m_ij are of; h / 2 rounded up,
but down where i is 2, and w / 2 by j."""


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """x [N, H, W, C], even sides, and kernel [4, 4, C, D] -> [N, H / 2, W / 2, D]."""
  tiles, taps = _of_images(x), _of_kernel(kernel)

  def product(i: int, j: int) -> jax.Array:
    return cast(jax.Array, sum(_product(tiles[p][i][j], taps[p][i][j]) for p in (0, 1)))

  products = _nine(product)
  return _outputs(products)[:, : x.shape[1] // 2, : x.shape[2] // 2]


def conv_transpose(y: jax.Array, kernel: jax.Array) -> jax.Array:
  """The transpose of `conv` in x: y [N, h, w, D], kernel [4, 4, C, D] -> [N, 2 h, 2 w, C]."""
  parts, taps = _of_outputs(y), _of_kernel(kernel)
  tiles = [_nine(lambda i, j, p=p: _product(parts[i][j], taps[p][i][j].T)) for p in (0, 1)]
  return _images(tiles)[:, 1 : 2 * y.shape[1] + 1, 1 : 2 * y.shape[2] + 1]


def kernel_gradient(x: jax.Array, y: jax.Array) -> jax.Array:
  """The transpose of `conv` in its kernel: x [N, H, W, C], y [N, H / 2, W / 2, D] -> [4, 4, C, D]."""
  tiles, parts = _of_images(x), _of_outputs(y)
  taps = [_nine(lambda i, j, p=p: _rows(tiles[p][i][j]).T @ _rows(parts[i][j])) for p in (0, 1)]
  pairs = [_both_ways(own, lambda u0, u1, u2: (u0 + u1, u1 + u2)) for own in taps]
  # [row of a group, tap pair down, tap pair across, (column of a group, C), D].
  found = jnp.stack([jnp.stack([jnp.stack(row) for row in own]) for own in pairs])
  return found.swapaxes(0, 1).reshape(4, 4, x.shape[3], y.shape[3])


def _rows(x: jax.Array) -> jax.Array:
  return x.reshape(-1, x.shape[-1])


def _product(x: jax.Array, matrix: jax.Array) -> jax.Array:
  """Of the last axis, as one product of matrices."""
  return (_rows(x) @ matrix).reshape(*x.shape[:3], matrix.shape[1])


def _sized(x: jax.Array, like: jax.Array) -> jax.Array:
  """Cut, or continued by zeros, to the height and width of another."""
  sides = [(0, new - old, 0) for old, new in zip(x.shape[1:3], like.shape[1:3], strict=True)]
  return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *sides, (0, 0, 0)))


def _nine(of: Callable[[int, int], jax.Array]) -> list[list[jax.Array]]:
  return [[of(i, j) for j in range(3)] for i in range(3)]


def _both_ways(
  square: Sequence[Sequence[jax.Array]], change: Callable[..., Sequence[jax.Array]]
) -> list[list[jax.Array]]:
  """A change of the entries of every row, then of every column, of what it left."""
  columns = zip(*(change(*row) for row in square), strict=True)
  return [list(row) for row in zip(*(change(*column) for column in columns), strict=True)]


def _of_kernel(kernel: jax.Array) -> Tiles:
  """[row of a group][i][j] -> [2 C, D]."""
  _, _, channels, features = kernel.shape
  taps = kernel.reshape(2, 2, 2, 2 * channels, features)
  sums = lambda g0, g1: (g0, g0 + g1, g1)
  return [_both_ways([[taps[a, p, b] for b in (0, 1)] for a in (0, 1)], sums) for p in (0, 1)]


def _of_images(x: jax.Array) -> Tiles:
  """Images [N, 2 h, 2 w, C] -> [row of a group][i][j] -> [N, h / 2, w / 2, 2 C]."""
  count, height, width, channels = x.shape
  padded = jnp.zeros((count, height + 2, width + 2, channels), x.dtype)
  padded = _apart(lax.dynamic_update_slice(padded, x, (0, 1, 1, 0)))
  rows = padded.reshape(count, height + 2, width // 2 + 1, 2 * channels)
  differences = lambda d0, d1, d2: (d0 - d1, d1, _sized(d1, d2) - d2)

  def group(p: int, a: int, b: int) -> jax.Array:
    # The last group of all is no d0.
    return rows[:, 2 * a + p : height + 2 * (a > 0) : 4, b : width // 2 + (b > 0) : 2]

  return [_both_ways(_nine(lambda a, b, p=p: group(p, a, b)), differences) for p in (0, 1)]


def _images(tiles: Tiles) -> jax.Array:
  """The transpose of `_of_images`, with a border of one pixel, or more below and to the right."""
  rows = []
  for own in tiles:
    pairs = [jnp.stack(_overlapping(row, axis=2), axis=3) for row in own]
    columns = [lax.collapse(pair, 2, 4) for pair in pairs]
    rows.append(_overlapping(columns, axis=1))
  (even, odd), (next_even, next_odd) = rows
  x = jnp.stack([even, next_even, odd, next_odd], axis=2)
  count, groups, _, across, width = x.shape
  return x.reshape(count, 4 * groups, 2 * across, width // 2)


def _overlapping(v: Sequence[jax.Array], axis: int) -> tuple[jax.Array, jax.Array]:
  """The transpose of differences of tiles that share an input: inputs 0, 2, 4 ... and 1, 3, 5 ..."""
  zero = jnp.zeros_like(lax.slice_in_dim(v[0], 0, 1, axis=axis))
  last = jnp.concatenate([zero, v[2]], axis)
  return _sized(v[0], last) - last, _sized(v[1] - v[0] + _sized(v[2], v[0]), last)


def _outputs(products: Sequence[Sequence[jax.Array]]) -> jax.Array:
  """[i][j] -> [N, t, u, D] to images [N, 2 t, 2 u, D]."""
  pixels = _both_ways(products, lambda m0, m1, m2: (m0 + m1, m1 - _sized(m2, m1)))
  y = jnp.stack([jnp.stack(row, axis=3) for row in pixels], axis=2)
  count, t, _, u, _, features = y.shape
  return y.reshape(count, 2 * t, 2 * u, features)


def _of_outputs(y: jax.Array) -> list[list[jax.Array]]:
  """The transpose of `_outputs`."""
  pixels = [[y[:, a::2, b::2] for b in (0, 1)] for a in (0, 1)]
  return _both_ways(pixels, lambda y0, y1: (y0, y0 + _sized(y1, y0), -y1))


def _apart(x: jax.Array) -> jax.Array:
  """x itself, in a form that XLA:CPU computes once, and not again inside of every product.

  An optimization_barrier does not keep it from that; a factor of one that it cannot know does. The
  first pixel is of the padding, so it is finite. A batch of no images has none, and a sum of 0.
  """
  return x / (1 + 0 * lax.stop_gradient(x.ravel()[:1].sum()))
