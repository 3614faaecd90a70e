"""The pixels under the kernel of a convolution."""

import jax
import jax.numpy as jnp

from gan_jax.networks.layers.geometry import Geometry


def taps(geometry: Geometry) -> list[tuple[int, int]]:
  """Returns the row and column of each tap of a kernel."""
  return [(i, j) for i in range(geometry.size) for j in range(geometry.size)]


def patches(x: jax.Array, geometry: Geometry) -> jax.Array:
  """Returns the pixels under the kernel, [N, H, W, C] -> [N, small(H), small(W), size x size x C]."""
  _, stride, padding = geometry
  padded = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
  rows, columns = ((geometry.small(n) - 1) * stride + 1 for n in x.shape[1:3])

  def pixels(i: int, j: int) -> jax.Array:
    return padded[:, i : i + rows : stride, j : j + columns : stride]

  return jnp.concatenate([pixels(i, j) for i, j in taps(geometry)], axis=-1)
