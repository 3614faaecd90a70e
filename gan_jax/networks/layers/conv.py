"""Convolutions that train at the speed of matrix products on every platform.

`conv`, `conv_transpose` and `kernel_gradient` are the three maps of one bilinear form. The derivatives
of each are thus the other two, to any order (reverse mode).

On platforms other than CPU all are native. Autodiff would turn them into dilated convolutions, which
XLA:CPU runs many times slower, and slower still inside a loop. On CPU they are matrix products:

- `conv_3x3` for 3 x 3 kernels with stride 1 and padding 1;
- `winograd_conv`, with fewer multiplications, if the convolution halves an image of many channels;
- `phase_conv` for small images, whose patches are mostly padding;
- otherwise the transpose is a sum of one product per tap of the kernel;
- and the gradient of the kernel is one product of all patches. If its stride is above 1 and the image
  has many channels, the convolution is such a product too. In other cases the patches would be many
  times larger than the image, and the convolution is native.
"""

import functools
from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.networks.layers import conv_3x3, phase_conv, winograd_conv
from gan_jax.networks.layers.geometry import Geometry
from gan_jax.networks.layers.patches import patches, taps
from gan_jax.networks.layers.winograd import FEW_CHANNELS

_HALVING = Geometry(4, 2, 1)


def _uses_winograd(geometry: Geometry, kernel_shape: Sequence[int], shape: Sequence[int]) -> bool:
  """Returns whether `winograd_conv` is the fastest for images [N, *shape, C] on CPU."""
  even = shape[0] % 2 == 0 and shape[1] % 2 == 0
  return geometry == _HALVING and kernel_shape[2] > FEW_CHANNELS and even


def _uses_phases(geometry: Geometry, kernel_shape: Sequence[int], shape: Sequence[int]) -> bool:
  """Returns whether `phase_conv` is faster than patches for images [N, *shape, C] on CPU."""
  return kernel_shape[2] > FEW_CHANNELS and phase_conv.are_faster(geometry, shape)


def _native(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  return lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(geometry.stride,) * 2,
    padding=((geometry.padding,) * 2,) * 2,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def _transpose_by_taps(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: Sequence[int]
) -> jax.Array:
  _, stride, padding = geometry
  edges = [
    length + 2 * padding - (n - 1) * stride - 1 for length, n in zip(shape, y.shape[1:3], strict=True)
  ]
  zero = jnp.zeros((), y.dtype)

  def dilated_product(i: int, j: int) -> jax.Array:
    rows = ((i, edges[0] - i, stride - 1), (j, edges[1] - j, stride - 1))
    return lax.pad(y @ kernel[i, j].T, zero, ((0, 0, 0), *rows, (0, 0, 0)))

  padded = cast(jax.Array, sum(dilated_product(i, j) for i, j in taps(geometry)))
  return padded[:, padding : padding + shape[0], padding : padding + shape[1]]


def _transpose_native(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: Sequence[int]
) -> jax.Array:
  image = jax.ShapeDtypeStruct((y.shape[0], *shape, kernel.shape[2]), y.dtype)
  return jax.linear_transpose(lambda x: _native(x, kernel, geometry), image)(y)[0]


def _conv_of_patches(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  return patches(x, geometry) @ kernel.reshape(-1, kernel.shape[3])


def _kernel_gradient_of_patches(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
  rows, shape = patches(x, geometry), (geometry.size,) * 2 + (x.shape[3], y.shape[3])
  product = lambda a, b: jnp.tensordot(a, b, axes=((0, 1, 2), (0, 1, 2)))
  # XLA:CPU transposes the first operand, so the smaller one goes first.
  kernel = product(y, rows).T if rows.shape[3] > y.shape[3] else product(rows, y)
  return kernel.reshape(shape)


def _kernel_gradient_native(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
  kernel = jax.ShapeDtypeStruct((geometry.size,) * 2 + (x.shape[3], y.shape[3]), x.dtype)
  return jax.linear_transpose(lambda k: _native(x, k, geometry), kernel)(y)[0]


def _check(images: jax.Array, kernel: Sequence[int], geometry: Geometry, axis: int) -> None:
  """Raises ValueError unless the shapes of images and kernel match.

  Args:
    images: [N, H, W, channels].
    kernel: shape of the kernel.
    geometry: of the convolution.
    axis: of the kernel that must have the size `channels`.
  """
  sides = (geometry.size,) * 2
  have_axes = images.ndim == len(kernel) == 4
  if not have_axes or tuple(kernel[:2]) != sides or kernel[axis] != images.shape[3]:
    raise ValueError(
      f'the kernel {tuple(kernel)} does not match images {images.shape} (a kernel is {sides} by the '
      'channels of the large images by those of the small ones); change one of them'
    )


def _check_lengths(small: Sequence[int], large: Sequence[int], geometry: Geometry) -> None:
  """Raises ValueError unless a convolution of images of sides `large` has sides `small`."""
  expected = tuple(map(geometry.small, large))
  if tuple(small) != expected:
    raise ValueError(
      f'{geometry} does not match images {tuple(small)} and {tuple(large)} ({tuple(large)} become '
      f'{expected}); change one of them'
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
@functools.partial(jax.jit, static_argnums=2)
def conv(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
  """Convolves images with a kernel.

  Args:
    x: [N, H, W, C].
    kernel: [size, size, C, D].
    geometry: size, stride and padding.

  Returns:
    [N, small(H), small(W), D].

  Raises:
    ValueError: the shapes do not match.
  """
  _check(x, kernel.shape, geometry, axis=2)
  native = functools.partial(_native, geometry=geometry)
  cpu = native
  if geometry == conv_3x3.GEOMETRY:
    cpu = conv_3x3.conv
  elif _uses_winograd(geometry, kernel.shape, x.shape[1:3]):
    cpu = winograd_conv.conv
  elif _uses_phases(geometry, kernel.shape, x.shape[1:3]):
    cpu = functools.partial(phase_conv.conv, geometry=geometry)
  elif geometry.stride > 1 and x.shape[3] > FEW_CHANNELS:
    cpu = functools.partial(_conv_of_patches, geometry=geometry)
  return lax.platform_dependent(x, kernel, cpu=cpu, default=native)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
@functools.partial(jax.jit, static_argnums=(2, 3))
def conv_transpose(
  y: jax.Array, kernel: jax.Array, geometry: Geometry, shape: tuple[int, int]
) -> jax.Array:
  """Applies the transpose of `conv` with respect to x.

  Args:
    y: [N, h, w, D], of the shape of the convolution's output.
    kernel: [size, size, C, D].
    geometry: of the convolution.
    shape: (H, W) of the convolution's input, which y does not determine if the stride is above 1.

  Returns:
    [N, H, W, C].

  Raises:
    ValueError: the shapes do not match.
  """
  _check(y, kernel.shape, geometry, axis=3)
  _check_lengths(y.shape[1:3], shape, geometry)
  cpu = functools.partial(_transpose_by_taps, geometry=geometry, shape=shape)
  if geometry == conv_3x3.GEOMETRY:
    cpu = conv_3x3.conv_transpose
  elif _uses_winograd(geometry, kernel.shape, shape):
    cpu = winograd_conv.conv_transpose
  elif _uses_phases(geometry, kernel.shape, shape):
    cpu = functools.partial(phase_conv.conv_transpose, geometry=geometry, shape=shape)
  native = functools.partial(_transpose_native, geometry=geometry, shape=shape)
  return lax.platform_dependent(y, kernel, cpu=cpu, default=native)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
@functools.partial(jax.jit, static_argnums=2)
def kernel_gradient(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
  """Applies the transpose of `conv` with respect to its kernel.

  Args:
    x: [N, H, W, C], an input of the convolution.
    y: [N, h, w, D], of the shape of its output.
    geometry: of the convolution.

  Returns:
    [size, size, C, D].

  Raises:
    ValueError: the shapes do not match.
  """
  _check_lengths(y.shape[1:3], x.shape[1:3], geometry)
  cpu = functools.partial(_kernel_gradient_of_patches, geometry=geometry)
  if geometry == conv_3x3.GEOMETRY:
    cpu = conv_3x3.kernel_gradient
  elif _uses_winograd(geometry, (4, 4, x.shape[3], y.shape[3]), x.shape[1:3]):
    cpu = winograd_conv.kernel_gradient
  native = functools.partial(_kernel_gradient_native, geometry=geometry)
  return lax.platform_dependent(x, y, cpu=cpu, default=native)


def _conv_forward(x, kernel, geometry):
  return conv(x, kernel, geometry), (x, kernel)


def _conv_backward(geometry, residuals, gradient):
  x, kernel = residuals
  x_gradient = conv_transpose(gradient, kernel, geometry, x.shape[1:3])
  return x_gradient, kernel_gradient(x, gradient, geometry)


def _conv_transpose_forward(y, kernel, geometry, shape):
  return conv_transpose(y, kernel, geometry, shape), (y, kernel)


def _conv_transpose_backward(geometry, shape, residuals, gradient):
  y, kernel = residuals
  return conv(gradient, kernel, geometry), kernel_gradient(gradient, y, geometry)


def _kernel_gradient_forward(x, y, geometry):
  return kernel_gradient(x, y, geometry), (x, y)


def _kernel_gradient_backward(geometry, residuals, gradient):
  x, y = residuals
  return conv_transpose(y, gradient, geometry, x.shape[1:3]), conv(x, gradient, geometry)


conv.defvjp(_conv_forward, _conv_backward)
conv_transpose.defvjp(_conv_transpose_forward, _conv_transpose_backward)
kernel_gradient.defvjp(_kernel_gradient_forward, _kernel_gradient_backward)

Initializer = Callable[..., jax.Array]


class Conv(nn.Module):
  """A convolution [N, H, W, C] -> [N, small(H), small(W), features], which by default halves an image.

  Attributes:
    features: number of output channels.
    geometry: size, stride and padding.
    use_bias: whether it adds a bias.
    kernel_init: initializer of the kernel.
  """

  features: int
  geometry: Geometry = Geometry(4, 2, 1)
  use_bias: bool = True
  kernel_init: Initializer = nn.initializers.normal(0.02)

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolves images."""
    shape = (self.geometry.size,) * 2 + (x.shape[-1], self.features)
    y = conv(x, self.param('kernel', self.kernel_init, shape), self.geometry)
    if self.use_bias:
      y += self.param('bias', nn.initializers.zeros, (self.features,))
    return y


class ConvTranspose(nn.Module):
  """A transposed convolution [N, h, w, C] -> [N, large(h), large(w), features].

  By default it doubles an image. The kernel is [size, size, C, features]; as in all layers, the last
  axis is over outputs. It has the orientation of torch's `ConvTranspose2d`. The kernel of flax's
  `nn.ConvTranspose` is mirrored in both directions.

  Attributes:
    features: number of output channels.
    geometry: size, stride and padding.
    use_bias: whether it adds a bias.
    kernel_init: initializer of the kernel.
  """

  features: int
  geometry: Geometry = Geometry(4, 2, 1)
  use_bias: bool = True
  kernel_init: Initializer = nn.initializers.normal(0.02)

  @nn.compact
  def __call__(self, y: jax.Array) -> jax.Array:
    """Applies the transposed convolution to images."""
    shape = (self.geometry.size,) * 2 + (y.shape[-1], self.features)
    large = (self.geometry.large(y.shape[1]), self.geometry.large(y.shape[2]))
    kernel = self.param('kernel', self.kernel_init, shape)
    x = conv_transpose(y, kernel.swapaxes(2, 3), self.geometry, large)
    if self.use_bias:
      x += self.param('bias', nn.initializers.zeros, (self.features,))
    return x
