"""The 3 x 3 convolution with stride 1 and padding 1, for CPUs.

The form depends on the numbers of channels:

- many to many: Winograd's algorithm;
- many to few, as from features to an image: one product with all taps, whose results are then shifted
  and added;
- few to many: a product of patches, or a native convolution.

The transpose in the image is the convolution with the mirrored kernel.
"""

from typing import cast

import jax
import jax.numpy as jnp

from gan_jax.networks.layers import winograd, winograd_3x3
from gan_jax.networks.layers.geometry import Geometry
from gan_jax.networks.layers.patches import patches, taps
from gan_jax.networks.layers.winograd import FEW_CHANNELS

GEOMETRY = Geometry(3, 1, 1)


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves x [N, H, W, C] with a kernel [3, 3, C, D] -> [N, H, W, D]."""
  channels, features = kernel.shape[2:]
  if channels <= FEW_CHANNELS:
    return winograd.matmul(patches(x, GEOMETRY), kernel.reshape(-1, features))
  if features <= FEW_CHANNELS:
    return _conv_to_few(x, kernel)
  return winograd_3x3.conv(x, kernel)


def conv_transpose(y: jax.Array, kernel: jax.Array) -> jax.Array:
  """Applies the transpose of `conv` in x: y [N, H, W, D], kernel [3, 3, C, D] -> [N, H, W, C]."""
  return conv(y, kernel[::-1, ::-1].swapaxes(2, 3))


def kernel_gradient(x: jax.Array, y: jax.Array) -> jax.Array:
  """Applies the transpose of `conv` in its kernel: x, y [N, H, W, D] -> [3, 3, C, D]."""
  channels, features = x.shape[3], y.shape[3]
  # XLA:CPU transposes the first operand, so the smaller one goes first.
  if channels <= FEW_CHANNELS:
    product = winograd.rows(patches(x, GEOMETRY)).T @ winograd.rows(y)
    return product.reshape(3, 3, channels, features)
  if features <= FEW_CHANNELS:
    product = winograd.rows(patches(y, GEOMETRY)).T @ winograd.rows(x)
    return product.reshape(3, 3, features, channels)[::-1, ::-1].swapaxes(2, 3)
  return winograd_3x3.kernel_gradient(x, y)


def _conv_to_few(x: jax.Array, kernel: jax.Array) -> jax.Array:
  _, height, width, _ = x.shape
  channels, features = kernel.shape[2:]
  products = winograd.matmul(x, kernel.transpose(2, 0, 1, 3).reshape(channels, 9 * features))
  padded = jnp.pad(products, ((0, 0), (1, 1), (1, 1), (0, 0)))

  def shifted(tap: int, i: int, j: int) -> jax.Array:
    begin = tap * features
    return padded[:, i : i + height, j : j + width, begin : begin + features]

  return cast(jax.Array, sum(shifted(tap, i, j) for tap, (i, j) in enumerate(taps(GEOMETRY))))
