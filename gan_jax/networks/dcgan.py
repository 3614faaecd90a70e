"""The networks of DCGAN (Radford et al. 2016, arXiv:1511.06434), for square images.

Strided convolutions and their transposes instead of pooling, batch norm except at the generator's
output and the discriminator's input, ReLU in the generator, LeakyReLU 0.2 in the discriminator, no
hidden dense layers, weights from N(0, 0.02).
"""

import functools

import chex
import jax
from flax import linen as nn

from gan_jax.errors import ConfigError
from gan_jax.networks.conv import Conv, ConvTranspose

SIZES = {28: (7, 2), 32: (4, 3), 64: (4, 4), 128: (4, 5)}
"""{image size: (size of the smallest feature map, number of doublings)}."""


def _levels(size: int) -> tuple[int, int]:
  if size not in SIZES:
    known = ', '.join(str(s) for s in SIZES)
    raise ConfigError(
      f'a DCGAN makes images of size {known}, not {size}; set data.size to one of these'
    )
  return SIZES[size]


_normal = nn.initializers.normal(0.02)
_leaky_relu = functools.partial(jax.nn.leaky_relu, negative_slope=0.2)


def _batch_norm(train: bool, axis_name: str | None) -> nn.BatchNorm:
  return nn.BatchNorm(
    use_running_average=not train,
    momentum=0.9,
    axis_name=axis_name,
    scale_init=lambda key, shape, dtype: 1 + _normal(key, shape, dtype),
  )


class Generator(nn.Module):
  """Latents [B, L] -> images [B, size, size, channels] in [-1, 1].

  Attributes:
    size: 28, 32, 64 or 128.
    channels: of the image.
    width: channels of the last hidden feature map; each map before it has twice as many. The
      paper's 64 x 64 network has width 128.
    axis_name: the device axis over which batch statistics are taken; None: each device its own.
  """

  size: int
  channels: int = 1
  width: int = 64
  axis_name: str | None = None

  @nn.compact
  def __call__(self, latents: chex.Array, *, train: bool, key=None) -> chex.Array:
    """Makes images; `key` is not needed."""
    smallest, doublings = _levels(self.size)
    features = self.width * 2 ** (doublings - 1)
    x = nn.Dense(smallest**2 * features, use_bias=False, kernel_init=_normal)(latents)
    x = x.reshape(-1, smallest, smallest, features)
    for _ in range(doublings - 1):
      x = jax.nn.relu(_batch_norm(train, self.axis_name)(x))
      features //= 2
      x = ConvTranspose(features, use_bias=False)(x)
    x = jax.nn.relu(_batch_norm(train, self.axis_name)(x))
    return jax.numpy.tanh(ConvTranspose(self.channels)(x))


class Discriminator(nn.Module):
  """Images [B, size, size, C] in [-1, 1] -> scores [B], the logits of being real.

  Attributes:
    width: channels of the first feature map; each one after it has twice as many.
    axis_name: as in `Generator`.
  """

  width: int = 64
  axis_name: str | None = None

  @nn.compact
  def __call__(self, images: chex.Array, *, train: bool, key=None) -> chex.Array:
    """Scores images; `key` is not needed."""
    _, halvings = _levels(images.shape[1])
    x = _leaky_relu(Conv(self.width)(images))
    for level in range(1, halvings):
      x = Conv(self.width * 2**level, use_bias=False)(x)
      x = _leaky_relu(_batch_norm(train, self.axis_name)(x))
    return nn.Dense(1, kernel_init=_normal)(x.reshape(len(x), -1))[:, 0]
