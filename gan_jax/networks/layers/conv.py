"""Convolutions that train at the speed of matrix products on every platform.

`conv`, `conv_transpose` and `kernel_gradient` are the three maps of one bilinear form, so each one's
derivatives are the other two, to any order (reverse mode). On CPU all three are matrix products of
fewer multiplications where the convolution halves an image of many channels, see `halving`. Else the
transpose is a sum of one product for each tap of the kernel, and the kernel's gradient one product of
all patches: XLA:CPU runs the dilated convolutions into which autodiff would turn them many times
slower, and those inside a loop slower still. Where the patches are not many times the image, the
convolution is a product of the same patches; of a small image much of these is padding, and there it
is done by `phases`. On other platforms all are native.
"""

import functools
from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.networks.layers import phase_conv, winograd_conv
from gan_jax.networks.layers.geometry import Geometry

_HALVING = Geometry(4, 2, 1)
_FEW = 8
"""Channels of an image up to which `halving` and `phases` cost more than they save."""


def _halves(geometry: Geometry, kernel_shape: Sequence[int], shape: Sequence[int]) -> bool:
  """Whether it is a convolution for `halving`, of images [N, *shape, C]."""
  even = shape[0] % 2 == 0 and shape[1] % 2 == 0
  return geometry == _HALVING and kernel_shape[2] > _FEW and even


def _has_phases(geometry: Geometry, kernel_shape: Sequence[int], shape: Sequence[int]) -> bool:
  """Whether it is a convolution for `phases`, of images [N, *shape, C]."""
  return kernel_shape[2] > _FEW and phase_conv.are_faster(geometry, shape)


def _native(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  return lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(geometry.stride,) * 2,
    padding=((geometry.padding,) * 2,) * 2,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def _taps(geometry: Geometry) -> list[tuple[int, int]]:
  return [(i, j) for i in range(geometry.size) for j in range(geometry.size)]


def _transpose_by_taps(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: Sequence[int]
) -> jax.Array:
  _, stride, padding = geometry
  edges = [
    length + 2 * padding - (n - 1) * stride - 1 for length, n in zip(shape, y.shape[1:3], strict=True)
  ]
  zero = jnp.zeros((), y.dtype)

  def spread(i: int, j: int) -> jax.Array:
    rows = ((i, edges[0] - i, stride - 1), (j, edges[1] - j, stride - 1))
    return lax.pad(y @ kernel[i, j].T, zero, ((0, 0, 0), *rows, (0, 0, 0)))

  padded = cast(jax.Array, sum(spread(i, j) for i, j in _taps(geometry)))
  return padded[:, padding : padding + shape[0], padding : padding + shape[1]]


def _transpose_native(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: Sequence[int]
) -> jax.Array:
  image = jax.ShapeDtypeStruct((len(y), *shape, kernel.shape[2]), y.dtype)
  return jax.linear_transpose(lambda x: _native(x, kernel, geometry), image)(y)[0]


def _patches(x: jax.Array, geometry: Geometry) -> jax.Array:
  """[N, H, W, C] -> [N, small(H), small(W), size x size x C]."""
  _, stride, padding = geometry
  inside = ((padding, padding),) * 2
  padded = jnp.pad(x, ((0, 0), *inside, (0, 0)))
  reach = [(geometry.small(n) - 1) * stride + 1 for n in x.shape[1:3]]

  def seen(i: int, j: int) -> jax.Array:
    return padded[:, i : i + reach[0] : stride, j : j + reach[1] : stride]

  return jnp.concatenate([seen(i, j) for i, j in _taps(geometry)], axis=-1)


def _conv_of_patches(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  return _patches(x, geometry) @ kernel.reshape(-1, kernel.shape[3])


def _kernel_gradient_of_patches(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
  patches, shape = _patches(x, geometry), (geometry.size,) * 2 + (x.shape[3], y.shape[3])
  product = lambda a, b: jnp.tensordot(a, b, axes=((0, 1, 2), (0, 1, 2)))
  # Of the two operands XLA:CPU moves the first one around, so that is the smaller one.
  taps = product(y, patches).T if patches.shape[3] > y.shape[3] else product(patches, y)
  return taps.reshape(shape)


def _kernel_gradient_native(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
  kernel = jax.ShapeDtypeStruct((geometry.size,) * 2 + (x.shape[3], y.shape[3]), x.dtype)
  return jax.linear_transpose(lambda k: _native(x, k, geometry), kernel)(y)[0]


def _check(images: jax.Array, kernel: Sequence[int], geometry: Geometry, axis: int) -> None:
  """Raises ValueError if images are not [N, H, W, channels], or a kernel not of the geometry, or this
  axis of it not of the channels."""
  wanted = (geometry.size,) * 2
  have_axes = images.ndim == len(kernel) == 4
  if not have_axes or tuple(kernel[:2]) != wanted or kernel[axis] != images.shape[3]:
    raise ValueError(
      f'a kernel {tuple(kernel)} and images {images.shape} do not go together; the kernel must be '
      f'{wanted} by the channels of the large images by those of the small ones'
    )


def _check_lengths(small: Sequence[int], large: Sequence[int], geometry: Geometry) -> None:
  """Raises ValueError if images of `small` are not what a convolution makes of `large` ones."""
  made = tuple(map(geometry.small, large))
  if tuple(small) != made:
    raise ValueError(f'images {tuple(large)} become {made} by {geometry}, not {tuple(small)}')


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
@functools.partial(jax.jit, static_argnums=2)
def conv(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  """Convolution: x [N, H, W, C], kernel [size, size, C, D] -> [N, small(H), small(W), D].

  Raises:
    ValueError: they do not go together.
  """
  _check(x, kernel.shape, geometry, axis=2)
  native = functools.partial(_native, geometry=geometry)
  cpu = native
  if _halves(geometry, kernel.shape, x.shape[1:3]):
    cpu = winograd_conv.conv
  elif _has_phases(geometry, kernel.shape, x.shape[1:3]):
    cpu = functools.partial(phase_conv.conv, geometry=geometry)
  elif geometry.stride > 1 and x.shape[3] > _FEW:
    cpu = functools.partial(_conv_of_patches, geometry=geometry)
  return lax.platform_dependent(x, kernel, cpu=cpu, default=native)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
@functools.partial(jax.jit, static_argnums=(2, 3))
def conv_transpose(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: tuple[int, int]
) -> jax.Array:
  """The transpose of `conv` in x: y [N, h, w, D], kernel [size, size, C, D] -> [N, *shape, C].

  Args:
    y: an output of the convolution.
    kernel: of the convolution.
    geometry: of the convolution.
    shape: (H, W) of the convolution's input: a stride leaves it open.

  Raises:
    ValueError: they do not go together.
  """
  _check(y, kernel.shape, geometry, axis=3)
  _check_lengths(y.shape[1:3], shape, geometry)
  cpu = functools.partial(_transpose_by_taps, geometry=geometry, shape=shape)
  if _halves(geometry, kernel.shape, shape):
    cpu = winograd_conv.conv_transpose
  elif _has_phases(geometry, kernel.shape, shape):
    cpu = functools.partial(phase_conv.conv_transpose, geometry=geometry, shape=shape)
  native = functools.partial(_transpose_native, geometry=geometry, shape=shape)
  return lax.platform_dependent(y, kernel, cpu=cpu, default=native)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
@functools.partial(jax.jit, static_argnums=2)
def kernel_gradient(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
  """The transpose of `conv` in its kernel: x [N, H, W, C], y [N, h, w, D] -> [size, size, C, D].

  Raises:
    ValueError: they do not go together.
  """
  _check_lengths(y.shape[1:3], x.shape[1:3], geometry)
  of_patches = functools.partial(_kernel_gradient_of_patches, geometry=geometry)
  halves = _halves(geometry, (4, 4, x.shape[3], y.shape[3]), x.shape[1:3])
  cpu = winograd_conv.kernel_gradient if halves else of_patches
  native = functools.partial(_kernel_gradient_native, geometry=geometry)
  return lax.platform_dependent(x, y, cpu=cpu, default=native)


def _conv_backward(geometry, saved, g):
  x, kernel = saved
  return conv_transpose(g, kernel, geometry, x.shape[1:3]), kernel_gradient(x, g, geometry)


def _conv_transpose_backward(geometry, shape, saved, g):
  y, kernel = saved
  return conv(g, kernel, geometry), kernel_gradient(g, y, geometry)


def _kernel_gradient_backward(geometry, saved, g):
  x, y = saved
  return conv_transpose(y, g, geometry, x.shape[1:3]), conv(x, g, geometry)


conv.defvjp(lambda x, k, g: (conv(x, k, g), (x, k)), _conv_backward)
conv_transpose.defvjp(lambda y, k, g, s: (conv_transpose(y, k, g, s), (y, k)), _conv_transpose_backward)
kernel_gradient.defvjp(lambda x, y, g: (kernel_gradient(x, y, g), (x, y)), _kernel_gradient_backward)

Initializer = Callable[..., jax.Array]


class Conv(nn.Module):
  """A convolution [N, H, W, C] -> [N, H', W', features]; 4x4, stride 2, pad 1 halves an image."""

  features: int
  geometry: Geometry = Geometry(4, 2, 1)
  use_bias: bool = True
  kernel_init: Initializer = nn.initializers.normal(0.02)

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Applies it."""
    shape = (self.geometry.size,) * 2 + (x.shape[-1], self.features)
    y = conv(x, self.param('kernel', self.kernel_init, shape), self.geometry)
    if self.use_bias:
      y += self.param('bias', nn.initializers.zeros, (self.features,))
    return y


class ConvTranspose(nn.Module):
  """A transposed convolution: [N, h, w, C] -> [N, H, W, features]; by default it doubles an image.

  The kernel is [size, size, C, features], as in all layers the last axis that of the outputs. It is
  that of torch's `ConvTranspose2d`, and mirrored in both directions beside flax's `nn.ConvTranspose`.
  """

  features: int
  geometry: Geometry = Geometry(4, 2, 1)
  use_bias: bool = True
  kernel_init: Initializer = nn.initializers.normal(0.02)

  @nn.compact
  def __call__(self, y: jax.Array) -> jax.Array:
    """Applies it."""
    shape = (self.geometry.size,) * 2 + (y.shape[-1], self.features)
    large = (self.geometry.large(y.shape[1]), self.geometry.large(y.shape[2]))
    kernel = self.param('kernel', self.kernel_init, shape)
    x = conv_transpose(y, kernel.swapaxes(2, 3), self.geometry, large)
    if self.use_bias:
      x += self.param('bias', nn.initializers.zeros, (self.features,))
    return x
