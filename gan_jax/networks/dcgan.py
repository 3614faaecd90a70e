"""The networks of DCGAN (Radford et al. 2016, arXiv:1511.06434), for square images.

They have strided convolutions and their transposes instead of pooling, and no hidden dense layers.
Batch norm is everywhere except at the generator's output and the discriminator's input. Activations
are ReLU in the generator and LeakyReLU 0.2 in the discriminator. Initial weights are from N(0, 0.02^2).
"""

import functools

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.networks.layers import labels
from gan_jax.networks.layers.conditional_norm import ConditionalBatchNorm
from gan_jax.networks.layers.conv import Conv, ConvTranspose, Geometry
from gan_jax.networks.layers.minibatch import MinibatchStd

__all__ = ['Discriminator', 'Generator']

SIZES = (28, 32, 64, 128)
NORMS = ('batch', 'spectral', 'none')


def _halvings(size: int) -> list[Geometry]:
  """Returns the convolutions that reduce an image to 4 x 4.

  A 4 x 4 kernel with stride 2 halves an even length. A 3 x 3 kernel reduces 7, the only odd length,
  to 4.
  """
  if size not in SIZES:
    known = ', '.join(map(str, SIZES))
    raise ConfigError(
      f'size={size!r}: not a size of DCGAN (one of: {known}); set data.size to one of these'
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

  With classes, its input is {'latents': [B, L], 'label': [B]}, and batch norm depends on the label.

  Attributes:
    size: 28, 32, 64 or 128.
    channels: of the image.
    width: number of channels of the last hidden feature map; each map before it has twice as many.
      The paper's 64 x 64 network has width 128.
    classes: number of labels; 0 for a network without labels.
    axis_name: the device axis over which batch statistics are computed; None for each device's own.
  """

  size: int
  channels: int = 1
  width: int = 64
  classes: int = 0
  axis_name: str | None = None

  @nn.compact
  def __call__(self, inputs: PyTree, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Generates images; `key` is not used."""
    latents, weights = labels.split(inputs, 'latents', self.classes)
    doublings = _halvings(self.size)[::-1]
    features = self.width * 2 ** (len(doublings) - 1)
    x = nn.Dense(4 * 4 * features, use_bias=False, kernel_init=_normal)(latents)
    x = x.reshape(-1, 4, 4, features)
    for geometry in doublings[:-1]:
      x = jax.nn.relu(self._normalized(x, weights, train))
      features //= 2
      x = ConvTranspose(features, geometry, use_bias=False)(x)
    x = jax.nn.relu(self._normalized(x, weights, train))
    return jnp.tanh(ConvTranspose(self.channels, doublings[-1])(x))

  def _normalized(self, x: jax.Array, weights: jax.Array | None, train: bool) -> jax.Array:
    if weights is None:
      return _batch_norm(train, self.axis_name)(x)
    return ConditionalBatchNorm(self.axis_name)(x, weights, train=train)


class Discriminator(nn.Module):
  """Images [B, size, size, C] in [-1, 1] -> logits [B], or several outputs [B, outputs].

  With `with_features` it returns {'logits', 'features': [B, F]}, where the features are the input of
  the last layer. With classes, its input is {'examples': images, 'label': [B]}. The inner product of an
  embedding of the label and the features, summed over pixels, is then added to the logits (Miyato &
  Koyama 2018, arXiv:1802.05637, equation 3).

  Attributes:
    width: number of channels of the first feature map; each one after it has twice as many.
    norm: 'batch' as in the paper; 'spectral', which divides every kernel by its largest singular value
      (Miyato et al. 2018, arXiv:1802.05957); or 'none', for gradient penalties.
    outputs: 0 for logits [B]; otherwise the number of outputs.
    with_features: whether to return the features too.
    classes: number of labels; 0 for a network without labels.
    minibatch_std: number of examples in a group, whose standard deviation is one more channel of the
      last feature map, see `layers.minibatch.MinibatchStd`; 0 for none. The outputs for an example then
      depend on its group.
    axis_name: as in `Generator`.
  """

  width: int = 64
  norm: str = 'batch'
  outputs: int = 0
  with_features: bool = False
  classes: int = 0
  minibatch_std: int = 0
  axis_name: str | None = None

  @nn.compact
  def __call__(
    self, inputs: PyTree, *, train: bool, key: chex.PRNGKey | None = None
  ) -> jax.Array | dict[str, jax.Array]:
    """Returns the outputs for images; `key` is not used."""
    if self.norm not in NORMS:
      raise ConfigError(f'norm={self.norm!r}: unknown (one of: {", ".join(NORMS)}); change norm')
    images, weights = labels.split(inputs, 'examples', self.classes)
    if self.classes and self.outputs:
      raise ConfigError(
        f'outputs={self.outputs}: a network with classes has one logit (0); set outputs or classes to 0'
      )
    first, *others = _halvings(images.shape[1])
    x = _leaky_relu(self._layer(Conv(self.width, first), images, train))
    for level, geometry in enumerate(others, start=1):
      conv = Conv(self.width * 2**level, geometry, use_bias=self.norm != 'batch')
      x = self._layer(conv, x, train)
      if self.norm == 'batch':
        x = _batch_norm(train, self.axis_name)(x)
      x = _leaky_relu(x)
    if self.minibatch_std:
      x = MinibatchStd(self.minibatch_std, self.axis_name)(x, train=train)
    last = nn.Dense(max(self.outputs, 1), kernel_init=_normal)
    pooled, features = x.sum(axis=(1, 2)), lax.collapse(x, 1)
    x = self._layer(last, features, train)
    logits = x if self.outputs else x[:, 0]
    if weights is not None:
      logits += self._projection(pooled, weights, train)
    return {'logits': logits, 'features': features} if self.with_features else logits

  def _projection(self, pooled: jax.Array, weights: jax.Array, train: bool) -> jax.Array:
    embed = nn.Dense(pooled.shape[1], use_bias=False, kernel_init=_normal, name='embedding')
    return (self._layer(embed, weights, train) * pooled).sum(axis=1)

  def _layer(self, layer: nn.Module, x: jax.Array, train: bool) -> jax.Array:
    if self.norm != 'spectral':
      return layer(x)
    # Without a dtype the kernel would have the type of the norm's state, and so would the computation.
    return nn.SpectralNorm(layer, dtype=x.dtype)(x, update_stats=train)
