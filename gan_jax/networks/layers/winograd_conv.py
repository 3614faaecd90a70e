"""The 4 x 4 convolution with stride 2 and padding 1 as matrix products, for CPUs.

Grouping pixels two by two turns it into a 2 x 2 convolution with stride 1. For output tiles of 2 x 2,
Winograd's algorithm needs 9 products instead of 16. Sources: Winograd 1980, "Arithmetic complexity of
computations"; for convolutions Lavin & Gray 2016 (arXiv:1509.09308), F(2 x 2, 2 x 2). Along one axis,
with input groups d, taps g, products m and outputs y,

    m0 = (d0 - d1) g0,  m1 = d1 (g0 + g1),  m2 = (d1 - d2) g1;    y0 = m0 + m1,  y1 = m1 - m2.

In two dimensions these formulas apply to the rows, then to the columns. The result is a 3 x 3 grid of
products m_ij. An odd number of outputs needs no padding: the last tile lacks y1, and so m2.

An example along one axis, without channels: the image is (1, 2, 3, 4), the kernel (1, 2, 0, 1). The
padded image is (0, 1, 2, 3, 4, 0). Its groups are d0 = (0, 1), d1 = (2, 3), d2 = (4, 0), and the taps
are g0 = (1, 2), g1 = (0, 1). Products of a group and a tap are dot products:

- m0 = (-2, -2) . (1, 2) = -6, m1 = (2, 3) . (1, 3) = 11, m2 = (-2, 3) . (0, 1) = 3;
- y0 = m0 + m1 = 5, and directly 0 x 1 + 1 x 2 + 2 x 0 + 3 x 1 = 5;
- y1 = m1 - m2 = 8, and directly 2 x 1 + 3 x 2 + 4 x 0 + 0 x 1 = 8.

A group's two columns are joined in the channels, [.., 2 C]. Its two rows are separate arrays, so each
of the 9 products is a sum of two over 2 C inputs. Thus no pixel moves from an image axis to the channel
axis.
"""

import functools
from collections.abc import Sequence
from typing import cast

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.networks.layers import winograd
from gan_jax.networks.layers.winograd import Grid

InputTiles = list[Grid]
"""Transformed images, as tiles[row of a group][i][j] -> [N, h / 2, w / 2, 2 C], the factors of m_ij.

h / 2 is rounded up, but down if i is 2; w / 2 likewise by j.
"""


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves x [N, H, W, C], of even sides, with a kernel [4, 4, C, D] -> [N, H / 2, W / 2, D]."""
  input_tiles, taps = _transform_inputs(x), _transform_kernel(kernel)

  def product(i: int, j: int) -> jax.Array:
    return cast(jax.Array, sum(winograd.matmul(input_tiles[p][i][j], taps[p][i][j]) for p in (0, 1)))

  return _transform_products(winograd.grid(3, product))[:, : x.shape[1] // 2, : x.shape[2] // 2]


def conv_transpose(y: jax.Array, kernel: jax.Array) -> jax.Array:
  """Applies the transpose of `conv` in x: y [N, h, w, D], kernel [4, 4, C, D] -> [N, 2 h, 2 w, C]."""
  products, taps = _transpose_of_products(y), _transform_kernel(kernel)

  def input_tile(i: int, j: int, *, p: int) -> jax.Array:
    return winograd.matmul(products[i][j], taps[p][i][j].T)

  input_tiles = [winograd.grid(3, functools.partial(input_tile, p=p)) for p in (0, 1)]
  return _transpose_of_inputs(input_tiles)[:, 1 : 2 * y.shape[1] + 1, 1 : 2 * y.shape[2] + 1]


def kernel_gradient(x: jax.Array, y: jax.Array) -> jax.Array:
  """Applies the transpose of `conv` in its kernel: x, y [N, H / 2, W / 2, D] -> [4, 4, C, D]."""
  input_tiles, products = _transform_inputs(x), _transpose_of_products(y)

  def tap(i: int, j: int, *, p: int) -> jax.Array:
    return winograd.rows(input_tiles[p][i][j]).T @ winograd.rows(products[i][j])

  taps = [winograd.grid(3, functools.partial(tap, p=p)) for p in (0, 1)]
  # The transpose of (g0, g1) -> (g0, g0 + g1, g1).
  pairs = [winograd.along_both_axes(grid, lambda u0, u1, u2: (u0 + u1, u1 + u2)) for grid in taps]
  # [row of a group, tap down, tap across, (column of a group, C), D].
  stacked = jnp.stack([jnp.stack([jnp.stack(row) for row in grid]) for grid in pairs])
  return stacked.swapaxes(0, 1).reshape(4, 4, x.shape[3], y.shape[3])


def _resize(x: jax.Array, like: jax.Array) -> jax.Array:
  """Crops x, or pads it with zeros, below and to the right, to the height and width of `like`."""
  sides = [(0, new - old, 0) for old, new in zip(x.shape[1:3], like.shape[1:3], strict=True)]
  return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *sides, (0, 0, 0)))


def _transform_kernel(kernel: jax.Array) -> list[Grid]:
  """Returns the kernel's factors of m_ij [2 C, D], one grid for each row of a group."""
  _, _, channels, features = kernel.shape
  taps = kernel.reshape(2, 2, 2, 2 * channels, features)
  sums = lambda g0, g1: (g0, g0 + g1, g1)
  return [
    winograd.along_both_axes([[taps[a, p, b] for b in (0, 1)] for a in (0, 1)], sums) for p in (0, 1)
  ]


def _transform_inputs(x: jax.Array) -> InputTiles:
  """Returns the factors of m_ij of images [N, 2 h, 2 w, C]."""
  count, height, width, channels = x.shape
  padded = jnp.zeros((count, height + 2, width + 2, channels), x.dtype)
  padded = winograd.materialize(lax.dynamic_update_slice(padded, x, (0, 1, 1, 0)))
  rows = padded.reshape(count, height + 2, width // 2 + 1, 2 * channels)
  differences = lambda d0, d1, d2: (d0 - d1, d1, _resize(d1, d2) - d2)

  def groups(a: int, b: int, *, p: int) -> jax.Array:
    """Returns row p of the groups d_a (down) and d_b (across) of all tiles."""
    # The last group is never d0, because it begins no tile.
    return rows[:, 2 * a + p : height + 2 * (a > 0) : 4, b : width // 2 + (b > 0) : 2]

  return [
    winograd.along_both_axes(winograd.grid(3, functools.partial(groups, p=p)), differences)
    for p in (0, 1)
  ]


def _transpose_of_inputs(input_tiles: InputTiles) -> jax.Array:
  """Applies the transpose of `_transform_inputs`.

  The images have a border of one pixel, or more below and to the right.
  """
  group_rows = []
  for grid in input_tiles:
    pairs = [jnp.stack(_overlap_add(row, axis=2), axis=3) for row in grid]
    columns = [lax.collapse(pair, 2, 4) for pair in pairs]
    group_rows.append(_overlap_add(columns, axis=1))
  (even, odd), (next_even, next_odd) = group_rows
  x = jnp.stack([even, next_even, odd, next_odd], axis=2)
  count, groups, _, across, width = x.shape
  return x.reshape(count, 4 * groups, 2 * across, width // 2)


def _overlap_add(v: Sequence[jax.Array], axis: int) -> tuple[jax.Array, jax.Array]:
  """Applies the transpose of the differences (d0 - d1, d1, d1 - d2) of all tiles along an axis.

  d2 of a tile is d0 of the next one, so their contributions are added.

  Returns:
    The groups 0, 2, 4, ... and the groups 1, 3, 5, ...
  """
  zero = jnp.zeros_like(lax.slice_in_dim(v[0], 0, 1, axis=axis))
  last = jnp.concatenate([zero, v[2]], axis)
  return _resize(v[0], last) - last, _resize(v[1] - v[0] + _resize(v[2], v[0]), last)


def _transform_products(products: Sequence[Sequence[jax.Array]]) -> jax.Array:
  """Computes the outputs [N, 2 t, 2 u, D] from a grid of products m_ij [N, t, u, D]."""
  pixels = winograd.along_both_axes(products, lambda m0, m1, m2: (m0 + m1, m1 - _resize(m2, m1)))
  y = jnp.stack([jnp.stack(row, axis=3) for row in pixels], axis=2)
  count, t, _, u, _, features = y.shape
  return y.reshape(count, 2 * t, 2 * u, features)


def _transpose_of_products(y: jax.Array) -> Grid:
  """Applies the transpose of `_transform_products`."""
  pixels = [[y[:, a::2, b::2] for b in (0, 1)] for a in (0, 1)]
  return winograd.along_both_axes(pixels, lambda y0, y1: (y0, y0 + _resize(y1, y0), -y1))
