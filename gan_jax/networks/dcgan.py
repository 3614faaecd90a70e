"""The networks of DCGAN (Radford et al. 2016, arXiv:1511.06434), for square images.

Strided convolutions and their transposes instead of pooling, batch norm except at the generator's
output and the discriminator's input, ReLU in the generator, LeakyReLU 0.2 in the discriminator, no
hidden dense layers, weights from N(0, 0.02).
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers.conv import Conv, ConvTranspose, Geometry

__all__ = ['Discriminator', 'Generator']

SIZES = (28, 32, 64, 128)
NORMS = ('batch', 'spectral', 'none')


def _halvings(size: int) -> list[Geometry]:
  """The convolutions that take an image to 4 x 4.

  A 4 x 4 kernel of stride 2 halves an even length; 7, the one odd length, becomes 4 by a 3 x 3 one.
  """
  if size not in SIZES:
    known = ', '.join(map(str, SIZES))
    raise ConfigError(
      f'a DCGAN makes images of size {known}, not {size}; set data.size to one of these'
    )
  halvings = []
  while size > 4:
    geometry = Geometry(3, 2, 1) if size % 2 else Geometry(4, 2, 1)
    size = geometry.small(size)
    halvings.append(geometry)
  return halvings


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
  def __call__(self, latents: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Makes images; `key` is not needed."""
    doublings = _halvings(self.size)[::-1]
    features = self.width * 2 ** (len(doublings) - 1)
    x = nn.Dense(4 * 4 * features, use_bias=False, kernel_init=_normal)(latents)
    x = x.reshape(-1, 4, 4, features)
    for geometry in doublings[:-1]:
      x = jax.nn.relu(_batch_norm(train, self.axis_name)(x))
      features //= 2
      x = ConvTranspose(features, geometry, use_bias=False)(x)
    x = jax.nn.relu(_batch_norm(train, self.axis_name)(x))
    return jnp.tanh(ConvTranspose(self.channels, doublings[-1])(x))


class Discriminator(nn.Module):
  """Images [B, size, size, C] in [-1, 1] -> scores [B], or features [B, outputs].

  Attributes:
    width: channels of the first feature map; each one after it has twice as many.
    norm: 'batch' as in the paper, 'spectral' (every kernel divided by its largest singular value,
      Miyato et al. 2018, arXiv:1802.05957), or 'none', as gradient penalties need it.
    outputs: 0 for scores [B], the logits of being real; else the size of the features.
    axis_name: as in `Generator`.
  """

  width: int = 64
  norm: str = 'batch'
  outputs: int = 0
  axis_name: str | None = None

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Scores images; `key` is not needed."""
    if self.norm not in NORMS:
      raise ConfigError(f'norm is {self.norm!r}; it must be one of: {", ".join(NORMS)}')
    first, *others = _halvings(images.shape[1])
    x = _leaky_relu(self._layer(Conv(self.width, first), images, train))
    for level, geometry in enumerate(others, start=1):
      conv = Conv(self.width * 2**level, geometry, use_bias=self.norm != 'batch')
      x = self._layer(conv, x, train)
      if self.norm == 'batch':
        x = _batch_norm(train, self.axis_name)(x)
      x = _leaky_relu(x)
    last = nn.Dense(max(self.outputs, 1), kernel_init=_normal)
    x = self._layer(last, lax.collapse(x, 1), train)
    return x if self.outputs else x[:, 0]

  def _layer(self, layer: nn.Module, x: jax.Array, train: bool) -> jax.Array:
    if self.norm != 'spectral':
      return layer(x)
    # Else the kernel would have the type of the norm's state, and the layer compute in it.
    return nn.SpectralNorm(layer, dtype=x.dtype)(x, update_stats=train)
