"""Strided convolutions of small images as matrix products, for CPUs.

A phase of an image is the set of pixels that meet the same taps of the kernel. Each pair of remainders,
of row and column modulo the stride, is one phase. Each phase is one matrix product with its taps, with
hardly any padding.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.networks.layers.geometry import Geometry

_FASTER_BELOW = 0.8
"""Phases are faster if they need at most this fraction of the multiplications of patches."""


def are_faster(geometry: Geometry, shape: Sequence[int]) -> bool:
  """Returns whether phases are faster than patches for images [N, *shape, C].

  They are for strided convolutions of images with much padding.
  """

  def multiplications(length: int) -> int:
    phases = (_phase(geometry, first, length) for first in range(geometry.stride))
    return sum(count * len(taps) for count, taps in phases)

  patches = [geometry.small(length) * geometry.size for length in shape]
  by_phases = multiplications(shape[0]) * multiplications(shape[1])
  is_less = by_phases <= _FASTER_BELOW * patches[0] * patches[1]
  return is_less and 1 < geometry.stride <= geometry.size


def _phase(geometry: Geometry, first: int, length: int) -> tuple[int, list[tuple[int, int]]]:
  """Returns one phase along an axis, the pixels first, first + stride, ...

  Args:
    geometry: of the convolution.
    first: the first pixel.
    length: of the image along the axis.

  Returns:
    The number of pixels in the phase, and a list of (tap, begin). Tap t connects the pixels to the
    consecutive outputs of the convolution that start at `begin`, which can lie outside the output.
  """
  size, stride, padding = geometry
  taps = range((first + padding) % stride, size, stride)
  return -(-(length - first) // stride), [(t, (first + padding - t) // stride) for t in taps]


def conv(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  """Convolves x [N, H, W, C] with a kernel [size, size, C, D] -> [N, small(H), small(W), D]."""
  shape = x.shape[1:3]
  y = jax.ShapeDtypeStruct((x.shape[0], *map(geometry.small, shape), kernel.shape[3]), x.dtype)
  return jax.linear_transpose(lambda y: conv_transpose(y, kernel, geometry, shape), y)(x)[0]


def conv_transpose(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: Sequence[int]
) -> jax.Array:
  """Applies the transpose of `conv` in x: y [N, h, w, D] and the kernel -> [N, *shape, C]."""
  stride, zero = geometry.stride, jnp.zeros((), y.dtype)

  def window(begins: Sequence[int], counts: Sequence[int]) -> jax.Array:
    edges = [(-b, b + c - n, 0) for b, c, n in zip(begins, counts, y.shape[1:3], strict=True)]
    return lax.pad(y, zero, ((0, 0, 0), *edges, (0, 0, 0)))

  def phase(a: int, b: int) -> jax.Array:
    (height, rows), (width, columns) = (
      _phase(geometry, first, length) for first, length in zip((a, b), shape, strict=True)
    )
    taps = [((i, j), (p, q)) for i, p in rows for j, q in columns]
    windows = jnp.concatenate([window(begins, (height, width)) for _, begins in taps], axis=-1)
    pixels = windows @ jnp.concatenate([kernel[tap].T for tap, _ in taps])
    missing = [-(-length // stride) - n for length, n in zip(shape, (height, width), strict=True)]
    return jnp.pad(pixels, ((0, 0), *((0, number) for number in missing), (0, 0)))

  firsts = range(stride)
  phases = jnp.stack([jnp.stack([phase(a, b) for b in firsts], axis=3) for a in firsts], axis=2)
  count, height, _, width, _, channels = phases.shape
  image = phases.reshape(count, height * stride, width * stride, channels)
  return image[:, : shape[0], : shape[1]]
