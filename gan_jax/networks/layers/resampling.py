"""Layers that double or halve images, alone or together with a 3 x 3 convolution.

A 3 x 3 convolution of a doubled image has equal pixels under neighboring taps. It equals a transposed
4 x 4 convolution with stride 2 of the small image, which takes 16 / 36 of the multiplications. Likewise
the average over 2 x 2 pixels of a 3 x 3 convolution equals a 4 x 4 convolution with stride 2.

Along one axis, with the taps k0, k1, k2, both 4 x 4 kernels are sums of neighboring taps. To halve, the
kernel is (k0, k0 + k1, k1 + k2, k2) / 2. To double, it has the same sums of (k2, k1, k0), because the
taps of a transposed convolution run backward. For the image (1, 3) and the kernel (1, 2, 4):

- The doubled image is (1, 1, 3, 3), and its convolution is (6, 15, 19, 9).
- The transposed kernel is (4, 6, 3, 1). Pixel 0 adds 1 x (6, 3, 1) to pixels 0 to 2. Pixel 1 adds
  3 x (4, 6, 3) to pixels 1 to 3. The sums are (6, 3 + 12, 1 + 18, 9).

For the image (1, 1, 3, 3), whose convolution is (6, 15, 19, 9), halves are (10.5, 14). The kernel is
(0.5, 1.5, 3, 2): 0 + 1.5 + 3 + 6 = 10.5 and 0.5 + 4.5 + 9 + 0 = 14.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers.conv import Geometry, conv, conv_transpose

THREE = Geometry(3, 1, 1)
"""The geometry of a 3 x 3 convolution that preserves sizes."""

_HALVING = Geometry(4, 2, 1)
UPSAMPLINGS = ('nearest', 'bilinear')

Initializer = Callable[..., jax.Array]


def halve(x: jax.Array) -> jax.Array:
  """Averages images [N, 2 h, 2 w, C] over squares of 2 x 2 pixels -> [N, h, w, C]."""
  return _squares(x).mean((2, 4))


def max_pool(x: jax.Array) -> jax.Array:
  """Takes the maxima of images [N, 2 h, 2 w, C] over squares of 2 x 2 pixels -> [N, h, w, C]."""
  return _squares(x).max((2, 4))


def _squares(x: jax.Array) -> jax.Array:
  """Separates squares of 2 x 2 pixels, [N, 2 h, 2 w, C] -> [N, h, 2, w, 2, C]."""
  count, height, width, channels = x.shape
  return x.reshape(count, height // 2, 2, width // 2, 2, channels)


def double(x: jax.Array, upsampling: str = 'nearest') -> jax.Array:
  """Doubles images [N, h, w, C] -> [N, 2 h, 2 w, C].

  Args:
    x: the images.
    upsampling: 'nearest', which repeats pixels, or 'bilinear', between the centers of pixels.

  Raises:
    ConfigError: an unknown upsampling.
  """
  if upsampling not in UPSAMPLINGS:
    raise ConfigError(
      f'upsampling={upsampling!r}: unknown (one of: {", ".join(UPSAMPLINGS)}); change upsampling'
    )
  if upsampling == 'bilinear':
    return _double_bilinearly(_double_bilinearly(x, axis=1), axis=2)
  count, height, width, channels = x.shape
  repeated = jnp.broadcast_to(x[:, :, None, :, None], (count, height, 2, width, 2, channels))
  return repeated.reshape(count, 2 * height, 2 * width, channels)


def _double_bilinearly(x: jax.Array, axis: int) -> jax.Array:
  """Doubles one axis; a pixel outside the image equals the closest one inside."""
  length = x.shape[axis]
  first = jax.lax.slice_in_dim(x, 0, 1, axis=axis)
  last = jax.lax.slice_in_dim(x, length - 1, length, axis=axis)
  before = jnp.concatenate([first, jax.lax.slice_in_dim(x, 0, length - 1, axis=axis)], axis)
  after = jnp.concatenate([jax.lax.slice_in_dim(x, 1, length, axis=axis), last], axis)
  # A new pixel is a quarter of a pixel away from the center of an old one.
  pairs = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1)
  return jax.lax.collapse(pairs, axis, axis + 2)


def _neighbor_sums(kernel: jax.Array) -> jax.Array:
  """Sums taps with their neighbors, [3, 3, C, D] -> [4, 4, C, D]."""
  rows = jnp.pad(kernel, ((0, 1), (0, 0), (0, 0), (0, 0))) + jnp.pad(
    kernel, ((1, 0), (0, 0), (0, 0), (0, 0))
  )
  return jnp.pad(rows, ((0, 0), (0, 1), (0, 0), (0, 0))) + jnp.pad(
    rows, ((0, 0), (1, 0), (0, 0), (0, 0))
  )


def conv_of_doubled(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves images whose pixels are repeated.

  Args:
    x: [N, h, w, C].
    kernel: [3, 3, C, D].

  Returns:
    [N, 2 h, 2 w, D], the convolution of `double(x)`.
  """
  transposed = _neighbor_sums(kernel[::-1, ::-1].swapaxes(2, 3))
  return conv_transpose(x, transposed, _HALVING, (2 * x.shape[1], 2 * x.shape[2]))


def halved_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves images, and averages the result over squares of 2 x 2 pixels.

  Args:
    x: [N, 2 h, 2 w, C].
    kernel: [3, 3, C, D].

  Returns:
    [N, h, w, D], equal to `halve` of the convolution.
  """
  return conv(x, _neighbor_sums(kernel) / 4, _HALVING)


class UpConv(nn.Module):
  """A 3 x 3 convolution of doubled images, [N, h, w, C] -> [N, 2 h, 2 w, features].

  Attributes:
    features: number of output channels.
    upsampling: as in `double`.
    kernel_init: initializer of the kernel.
  """

  features: int
  upsampling: str = 'nearest'
  kernel_init: Initializer = nn.initializers.glorot_uniform()

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Doubles and convolves images."""
    kernel = self.param('kernel', self.kernel_init, (3, 3, x.shape[-1], self.features))
    bias = self.param('bias', nn.initializers.zeros, (self.features,))
    if self.upsampling == 'nearest':
      return conv_of_doubled(x, kernel) + bias
    return conv(double(x, self.upsampling), kernel, THREE) + bias


class DownConv(nn.Module):
  """The average over 2 x 2 pixels of a 3 x 3 convolution, [N, 2 h, 2 w, C] -> [N, h, w, features].

  Attributes:
    features: number of output channels.
    kernel_init: initializer of the kernel.
  """

  features: int
  kernel_init: Initializer = nn.initializers.glorot_uniform()

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolves and halves images."""
    kernel = self.param('kernel', self.kernel_init, (3, 3, x.shape[-1], self.features))
    return halved_conv(x, kernel) + self.param('bias', nn.initializers.zeros, (self.features,))
