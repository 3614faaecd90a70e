"""The 3 x 3 convolution with stride 1 and padding 1 as matrix products, for CPUs.

For output tiles of 2 x 2, Winograd's algorithm needs 16 products instead of 36. Source: Lavin & Gray
2016 (arXiv:1509.09308), F(2 x 2, 3 x 3). Along one axis, with pixels d, taps g, products m, outputs y,

- m0 = (d0 - d2) g0, m1 = (d1 + d2) (g0 + g1 + g2) / 2;
- m2 = (d2 - d1) (g0 - g1 + g2) / 2, m3 = (d1 - d3) g2;
- y0 = m0 + m1 + m2, y1 = m1 - m2 - m3.

In two dimensions these formulas apply to the rows, then to the columns. The result is a 4 x 4 grid of
products m_ij. Images of odd sides get a row or column of zeros, whose outputs are dropped.

An example along one axis: the pixels are (1, 2, 3, 5), and the taps (1, 2, 4). The products are
m0 = -2, m1 = 5 x 3.5 = 17.5, m2 = 1 x 1.5 = 1.5, and m3 = -3 x 4 = -12. Thus y0 = 17 and y1 = 28, and
directly 1 + 4 + 12 = 17 and 2 + 6 + 20 = 28.

The transpose in x is the convolution with the mirrored kernel.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.networks.layers import winograd
from gan_jax.networks.layers.winograd import Grid


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves x [N, H, W, C] with a kernel [3, 3, C, D] -> [N, H, W, D]."""
  input_tiles, taps = _transform_inputs(x), _transform_kernel(kernel)
  products = winograd.grid(4, lambda i, j: winograd.matmul(input_tiles[i][j], taps[i][j]))
  return _transform_products(products)[:, : x.shape[1], : x.shape[2]]


def conv_transpose(y: jax.Array, kernel: jax.Array) -> jax.Array:
  """Applies the transpose of `conv` in x: y [N, H, W, D], kernel [3, 3, C, D] -> [N, H, W, C]."""
  return conv(y, kernel[::-1, ::-1].swapaxes(2, 3))


def kernel_gradient(x: jax.Array, y: jax.Array) -> jax.Array:
  """Applies the transpose of `conv` in its kernel: x, y [N, H, W, D] -> [3, 3, C, D]."""
  input_tiles, products = _transform_inputs(x), _transpose_of_products(y)
  taps = winograd.grid(
    4, lambda i, j: winograd.rows(input_tiles[i][j]).T @ winograd.rows(products[i][j])
  )
  # The transpose of `_transform_kernel`.
  sums = lambda u0, u1, u2, u3: (u0 + (u1 + u2) / 2, (u1 - u2) / 2, (u1 + u2) / 2 + u3)
  return jnp.stack([jnp.stack(row) for row in winograd.along_both_axes(taps, sums)])


def _transform_kernel(kernel: jax.Array) -> Grid:
  """Returns the kernel's factors of m_ij [C, D]."""
  sums = lambda g0, g1, g2: (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2)
  return winograd.along_both_axes([list(row) for row in kernel], sums)


def _transform_inputs(x: jax.Array) -> Grid:
  """Returns the images' factors of m_ij [N, h, w, C]; h and w are halves of the sides, rounded up."""
  count, height, width, channels = x.shape
  height, width = height + height % 2, width + width % 2
  padded = jnp.zeros((count, height + 2, width + 2, channels), x.dtype)
  padded = winograd.materialize(lax.dynamic_update_slice(padded, x, (0, 1, 1, 0)))
  pixels = winograd.grid(4, lambda i, j: padded[:, i : i + height : 2, j : j + width : 2])
  return winograd.along_both_axes(pixels, lambda d0, d1, d2, d3: (d0 - d2, d1 + d2, d2 - d1, d1 - d3))


def _transform_products(products: Sequence[Sequence[jax.Array]]) -> jax.Array:
  """Computes the outputs [N, 2 h, 2 w, D] from a grid of products m_ij [N, h, w, D]."""
  pixels = winograd.along_both_axes(products, lambda m0, m1, m2, m3: (m0 + m1 + m2, m1 - m2 - m3))
  y = jnp.stack([jnp.stack(row, axis=3) for row in pixels], axis=2)
  count, height, _, width, _, features = y.shape
  return y.reshape(count, 2 * height, 2 * width, features)


def _transpose_of_products(y: jax.Array) -> Grid:
  """Applies the transpose of `_transform_products` to outputs [N, H, W, D] of any sides."""
  padded = jnp.pad(y, ((0, 0), (0, y.shape[1] % 2), (0, y.shape[2] % 2), (0, 0)))
  pixels = winograd.grid(2, lambda i, j: padded[:, i::2, j::2])
  return winograd.along_both_axes(pixels, lambda y0, y1: (y0, y0 + y1, y0 - y1, -y1))
