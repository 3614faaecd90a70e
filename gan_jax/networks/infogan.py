"""The networks of InfoGAN for 28 x 28 digits (Chen et al. 2016, arXiv:1606.03657, appendix C.1).

Sizes are those of the authors' code. Images are in [-1, 1] and the generator ends in tanh, where the
code has [0, 1] and a sigmoid. Initial weights are from N(0, 0.02^2), and the gains of batch norm from
N(1, 0.02^2).
"""

import functools

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers.conv import Conv, ConvTranspose, Geometry

__all__ = ['Discriminator', 'Generator', 'Recognition']

_SIZE = 28
_HALVING = Geometry(4, 2, 1)
_normal = nn.initializers.normal(0.02)
_leaky_relu = functools.partial(jax.nn.leaky_relu, negative_slope=0.01)


def _batch_norm(train: bool, axis_name: str | None) -> nn.BatchNorm:
  return nn.BatchNorm(
    use_running_average=not train,
    momentum=0.9,
    axis_name=axis_name,
    scale_init=lambda key, shape, dtype: 1 + _normal(key, shape, dtype),
  )


class Generator(nn.Module):
  """Latents [B, L] -> images [B, 28, 28, channels] in [-1, 1].

  Attributes:
    channels: of the image.
    width: number of channels of the larger hidden feature map, 64 in the paper; the other layers have
      multiples of it.
    axis_name: the device axis over which batch statistics are computed; None for each device's own.
  """

  channels: int = 1
  width: int = 64
  axis_name: str | None = None

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Generates images; `key` is not used."""
    norm = lambda: _batch_norm(train, self.axis_name)
    x = jax.nn.relu(norm()(nn.Dense(16 * self.width, use_bias=False, kernel_init=_normal)(latents)))
    x = nn.Dense(7 * 7 * 2 * self.width, use_bias=False, kernel_init=_normal)(x)
    x = jax.nn.relu(norm()(x)).reshape(-1, 7, 7, 2 * self.width)
    x = ConvTranspose(self.width, _HALVING, use_bias=False)(x)
    return jnp.tanh(ConvTranspose(self.channels, _HALVING)(jax.nn.relu(norm()(x))))


class Discriminator(nn.Module):
  """Images [B, 28, 28, C] in [-1, 1] -> {'logits': [B], 'features': [B, 16 width]}.

  Attributes:
    width: as in `Generator`.
    axis_name: as in `Generator`.
  """

  width: int = 64
  axis_name: str | None = None

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool, key: chex.PRNGKey | None = None
  ) -> dict[str, jax.Array]:
    """Returns logits and features of images; `key` is not used."""
    if images.shape[1:3] != (_SIZE, _SIZE):
      raise ConfigError(
        f'images of {images.shape[1]} x {images.shape[2]} pixels: the network takes {_SIZE} x {_SIZE}; '
        'choose a discriminator of dcgan, with_features=True'
      )
    norm = lambda: _batch_norm(train, self.axis_name)
    x = _leaky_relu(Conv(self.width, _HALVING)(images))
    x = _leaky_relu(norm()(Conv(2 * self.width, _HALVING, use_bias=False)(x)))
    x = nn.Dense(16 * self.width, use_bias=False, kernel_init=_normal)(lax.collapse(x, 1))
    features = _leaky_relu(norm()(x))
    return {'logits': nn.Dense(1, kernel_init=_normal)(features)[:, 0], 'features': features}


class Recognition(nn.Module):
  """Features [B, F] -> outputs [B, size], which describe the distribution of the codes.

  Attributes:
    size: number of outputs, see `gans.infogan`.
    hidden: units of the hidden layer.
    axis_name: as in `Generator`.
  """

  size: int
  hidden: int = 128
  axis_name: str | None = None

  @nn.compact
  def __call__(self, features: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Returns the outputs; `key` is not used."""
    x = nn.Dense(self.hidden, use_bias=False, kernel_init=_normal)(features)
    x = _leaky_relu(_batch_norm(train, self.axis_name)(x))
    return nn.Dense(self.size, kernel_init=_normal)(x)
