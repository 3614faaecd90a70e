"""Residual blocks of generators and discriminators.

Each adds to its input, resized, what its convolutions compute. A 1 x 1 convolution commutes with
repeating and averaging pixels, so shortcuts apply it to the smaller image.

Sources: the blocks of SNGAN (Miyato et al. 2018, arXiv:1802.05957, appendix B.4; Gulrajani et al. 2017,
arXiv:1704.00028) and the bottlenecks of BigGAN-deep (Brock et al. 2019, arXiv:1809.11096, appendix B).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.networks.layers.conv import Conv
from gan_jax.networks.layers.dense import linear
from gan_jax.networks.layers.resampling import THREE, DownConv, UpConv, double, halve
from gan_jax.networks.layers.spectral_norm import apply_layer

_RESIDUAL_GAIN = math.sqrt(2)
"""Gain of the initial 3 x 3 kernels of SNGAN's blocks."""

_RATIO = 4
"""Channels of a bottleneck block per channel of its 3 x 3 convolutions."""


class Weights(NamedTuple):
  """How the kernels of a network are normalized and initialized.

  Attributes:
    spectral: whether they have spectral norm.
    orthogonal: whether their initial values are orthogonal (Saxe et al. 2014, arXiv:1312.6120). If not,
      they are uniform with the variance of Glorot & Bengio 2010.
  """

  spectral: bool = False
  orthogonal: bool = False

  def initializer(self, gain: float = 1.0) -> nn.initializers.Initializer:
    """Returns the initializer of kernels; `gain` is a factor of those that are not orthogonal."""
    if self.orthogonal:
      return nn.initializers.orthogonal()
    return nn.initializers.variance_scaling(gain**2, 'fan_avg', 'uniform')

  def apply(self, layer: nn.Module, x: jax.Array, train: bool) -> jax.Array:
    """Applies a layer, with spectral norm if the kernels have it."""
    return apply_layer(layer, x, spectral=self.spectral, train=train)

  def linear(self, x: jax.Array, features: int, train: bool, name: str | None = None) -> jax.Array:
    """Applies a linear map [..., C] -> [..., features]; of images, it is a 1 x 1 convolution."""
    layer = linear(features, kernel_init=self.initializer(), name=name)
    return self.apply(layer, x, train)

  def conv(self, x: jax.Array, features: int, train: bool, gain: float = 1.0) -> jax.Array:
    """Applies a 3 x 3 convolution [N, H, W, C] -> [N, H, W, features]."""
    return self.apply(Conv(features, THREE, kernel_init=self.initializer(gain)), x, train)


Norm = Callable[[], nn.Module]
"""Makes a normalization of features, called as norm(x, condition, train=...)."""


class UpBlock(nn.Module):
  """A generator's block that doubles images, [N, h, w, C] -> [N, 2 h, 2 w, features].

  Norm, ReLU, doubling, 3 x 3 convolution, norm, ReLU, 3 x 3 convolution.

  Attributes:
    features: number of output channels.
    norm: makes its normalizations.
    weights: of its kernels.
    upsampling: as in `resampling.double`.
  """

  features: int
  norm: Norm
  weights: Weights = Weights()
  upsampling: str = 'nearest'

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None, *, train: bool) -> jax.Array:
    """Applies the block."""
    h = jax.nn.relu(self.norm()(x, condition, train=train))
    init = self.weights.initializer(_RESIDUAL_GAIN)
    h = self.weights.apply(UpConv(self.features, self.upsampling, kernel_init=init), h, train)
    h = jax.nn.relu(self.norm()(h, condition, train=train))
    h = self.weights.conv(h, self.features, train, _RESIDUAL_GAIN)
    shortcut = self.weights.linear(x, self.features, train, name='shortcut')
    return h + double(shortcut, self.upsampling)


class DownBlock(nn.Module):
  """A discriminator's block, [N, H, W, C] -> [N, H, W, features], or half these sides.

  ReLU, 3 x 3 convolution, ReLU, 3 x 3 convolution, averages over 2 x 2 pixels.

  Attributes:
    features: number of output channels.
    halves: whether it halves images.
    wide: whether the channels between its convolutions are as many as its outputs, as in BigGAN, or as
      its inputs, as in SNGAN.
    weights: of its kernels.
  """

  features: int
  halves: bool = True
  wide: bool = False
  weights: Weights = Weights()

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Applies the block."""
    hidden = self.features if self.wide else x.shape[-1]
    h = self.weights.conv(jax.nn.relu(x), hidden, train, _RESIDUAL_GAIN)
    h = jax.nn.relu(h)
    if not self.halves:
      h = self.weights.conv(h, self.features, train, _RESIDUAL_GAIN)
      if x.shape[-1] == self.features:
        return h + x
      return h + self.weights.linear(x, self.features, train, name='shortcut')
    init = self.weights.initializer(_RESIDUAL_GAIN)
    h = self.weights.apply(DownConv(self.features, kernel_init=init), h, train)
    return h + self.weights.linear(halve(x), self.features, train, name='shortcut')


class FirstDownBlock(nn.Module):
  """A discriminator's first block, of images, [N, 2 h, 2 w, C] -> [N, h, w, features].

  It is a `DownBlock` without the first ReLU. Its inputs are pixels, of which ReLU would lose half.

  Attributes:
    features: number of output channels.
    weights: of its kernels.
  """

  features: int
  weights: Weights = Weights()

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Applies the block."""
    h = jax.nn.relu(self.weights.conv(x, self.features, train, _RESIDUAL_GAIN))
    init = self.weights.initializer(_RESIDUAL_GAIN)
    h = self.weights.apply(DownConv(self.features, kernel_init=init), h, train)
    return h + self.weights.linear(halve(x), self.features, train, name='shortcut')


class UpBottleneck(nn.Module):
  """A generator's bottleneck block, [N, h, w, C] -> [N, h, w, features], or double these sides.

  1 x 1, 3 x 3, 3 x 3 and 1 x 1 convolutions, each after a norm and ReLU. Those in the middle have C / 4
  channels; the first of them is after the doubling. The shortcut keeps the first `features` channels.

  Attributes:
    features: number of output channels, at most C.
    norm: makes its normalizations.
    doubles: whether it doubles images.
    weights: of its kernels.
    upsampling: as in `resampling.double`.
  """

  features: int
  norm: Norm
  doubles: bool = True
  weights: Weights = Weights()
  upsampling: str = 'nearest'

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None, *, train: bool) -> jax.Array:
    """Applies the block."""
    activate = lambda h: jax.nn.relu(self.norm()(h, condition, train=train))
    hidden = max(x.shape[-1] // _RATIO, 1)
    h = activate(self.weights.linear(activate(x), hidden, train))
    if self.doubles:
      init = self.weights.initializer()
      h = self.weights.apply(UpConv(hidden, self.upsampling, kernel_init=init), h, train)
    else:
      h = self.weights.conv(h, hidden, train)
    h = self.weights.conv(activate(h), hidden, train)
    h = self.weights.linear(activate(h), self.features, train)
    shortcut = x[..., : self.features]
    return h + (double(shortcut, self.upsampling) if self.doubles else shortcut)


class DownBottleneck(nn.Module):
  """A discriminator's bottleneck block, [N, H, W, C] -> [N, H, W, features], or half these sides.

  1 x 1, 3 x 3, 3 x 3 and 1 x 1 convolutions, each after ReLU. Those in the middle have features / 4
  channels; averages over 2 x 2 pixels precede the last. The shortcut joins x, averaged likewise, with
  a 1 x 1 convolution of it that has the missing channels.

  Attributes:
    features: number of output channels, at least C.
    halves: whether it halves images.
    weights: of its kernels.
  """

  features: int
  halves: bool = True
  weights: Weights = Weights()

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Applies the block."""
    relu, hidden = jax.nn.relu, max(self.features // _RATIO, 1)
    h = self.weights.linear(relu(x), hidden, train)
    h = self.weights.conv(relu(h), hidden, train)
    h = relu(self.weights.conv(relu(h), hidden, train))
    if self.halves:
      h, x = halve(h), halve(x)
    h = self.weights.linear(h, self.features, train)
    missing = self.features - x.shape[-1]
    if missing:
      x = jnp.concatenate([x, self.weights.linear(x, missing, train, name='shortcut')], axis=-1)
    return h + x
