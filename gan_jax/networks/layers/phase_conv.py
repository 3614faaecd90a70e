"""Strided convolutions of small images as matrix products, for CPUs.

The pixels of an image that meet the same taps of the kernel are a phase of it, one for each remainder
of the stride down and across. Each is one product with these taps, of hardly any padding.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.networks.layers.geometry import Geometry

_WORTH = 0.8
"""Of the multiplications of patches, the share up to which those of phases take less time."""


def are_faster(geometry: Geometry, shape: Sequence[int]) -> bool:
  """Whether they are faster than patches: for images [N, *shape, C] with much padding, and a stride."""

  def work(length: int) -> int:
    found = (_phase(geometry, first, length) for first in range(geometry.stride))
    return sum(count * len(taps) for count, taps in found)

  patches = [geometry.small(length) * geometry.size for length in shape]
  is_less = work(shape[0]) * work(shape[1]) <= _WORTH * patches[0] * patches[1]
  return is_less and 1 < geometry.stride <= geometry.size


def _phase(geometry: Geometry, first: int, length: int) -> tuple[int, list[tuple[int, int]]]:
  """Of an axis: how many of the places first, first + stride ... lie in an image of `length`, and for
  each tap that meets them where in the convolution's output its partners begin; it may be outside."""
  size, stride, padding = geometry
  taps = range((first + padding) % stride, size, stride)
  return -(-(length - first) // stride), [(t, (first + padding - t) // stride) for t in taps]


def conv(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  """x [N, H, W, C] and kernel [size, size, C, D] -> [N, small(H), small(W), D]."""
  shape = x.shape[1:3]
  y = jax.ShapeDtypeStruct((len(x), *map(geometry.small, shape), kernel.shape[3]), x.dtype)
  return jax.linear_transpose(lambda y: conv_transpose(y, kernel, geometry, shape), y)(x)[0]


def conv_transpose(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: Sequence[int]
) -> jax.Array:
  """The transpose of `conv` in x: y [N, h, w, D] and the kernel -> [N, *shape, C]."""
  stride, zero = geometry.stride, jnp.zeros((), y.dtype)

  def window(begins: Sequence[int], counts: Sequence[int]) -> jax.Array:
    edges = [(-b, b + c - n, 0) for b, c, n in zip(begins, counts, y.shape[1:3], strict=True)]
    return lax.pad(y, zero, ((0, 0, 0), *edges, (0, 0, 0)))

  def part(a: int, b: int) -> jax.Array:
    (height, rows), (width, columns) = (
      _phase(geometry, first, length) for first, length in zip((a, b), shape, strict=True)
    )
    taps = [((i, j), (p, q)) for i, p in rows for j, q in columns]
    seen = jnp.concatenate([window(begins, (height, width)) for _, begins in taps], axis=-1)
    made = seen @ jnp.concatenate([kernel[tap].T for tap, _ in taps])
    whole = [-(-length // stride) - n for length, n in zip(shape, (height, width), strict=True)]
    return jnp.pad(made, ((0, 0), *((0, more) for more in whole), (0, 0)))

  places = range(stride)
  parts = jnp.stack([jnp.stack([part(a, b) for b in places], axis=3) for a in places], axis=2)
  count, height, _, width, _, channels = parts.shape
  image = parts.reshape(count, height * stride, width * stride, channels)
  return image[:, : shape[0], : shape[1]]
