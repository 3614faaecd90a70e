"""Residual networks for square images: those of SNGAN, SAGAN, BigGAN and BigGAN-deep, by their fields.

Width, then other fields of the generator (G) and of the discriminator (D):

- SNGAN, 32 px: G 256; D 128. 48, 64 and 128 px: both 64.
- Projection discriminator: as SNGAN, both with classes=K.
- SAGAN, 32 px: as the projection discriminator; G spectral=True, attention=16; D attention=8.
- SAGAN, 128 px: both 64, classes=K, attention=32; G spectral=True; D wide=True.
- BigGAN, 128 px: both 96, classes=K, attention=64, orthogonal=True; G spectral=True, shared=128,
  split_latents=True, for 120 latents; D wide=True.
- BigGAN-deep, 128 px: both 128, classes=K, attention=64, orthogonal=True, bottleneck=True; G
  spectral=True, shared=128, for 128 latents.

The networks of 28 px are those of 32 px that start from 7 x 7.

Sources: Miyato et al. 2018 (arXiv:1802.05957), Miyato & Koyama 2018 (arXiv:1802.05637), Zhang et al.
2019 (arXiv:1805.08318), Brock et al. 2019 (arXiv:1809.11096).
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers import labels, residual
from gan_jax.networks.layers.attention import SelfAttention
from gan_jax.networks.layers.conditional_norm import ConditionalBatchNorm
from gan_jax.networks.layers.dense import linear

__all__ = ['Discriminator', 'Generator']

NORMS = ('spectral', 'none')


class _Plan(NamedTuple):
  """The feature maps of the networks for one size of images.

  Attributes:
    generator: channels of its maps as multiples of the width, from the smallest map on. Each map after
      the first is the output of a stage that doubles the sides.
    discriminator: likewise, of the outputs of its stages; with bottlenecks, the first is the input of
      the first stage.
    halvings: number of the discriminator's stages that halve the sides; they are the first ones.
  """

  generator: tuple[int, ...]
  discriminator: tuple[int, ...]
  halvings: int


_PLANS = {
  28: _Plan((1, 1, 1), (1, 1, 1, 1), 2),
  32: _Plan((1, 1, 1, 1), (1, 1, 1, 1), 2),
  48: _Plan((8, 4, 2, 1), (1, 2, 4, 8, 16), 4),
  64: _Plan((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), 5),
  128: _Plan((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
}
SIZES = tuple(_PLANS)


def _plan(size: int) -> _Plan:
  if size not in _PLANS:
    known = ', '.join(map(str, SIZES))
    raise ConfigError(
      f'size={size!r}: not a size of resnet (one of: {known}); set data.size to one of these'
    )
  return _PLANS[size]


def _check_attention(attention: int, sides: Sequence[int]) -> None:
  """Raises ConfigError unless attention is 0 or the even side of a feature map."""
  even = [side for side in sides if side % 2 == 0]
  if attention and attention not in even:
    raise ConfigError(
      f'attention={attention!r}: not the even side of a feature map (0, or one of: '
      f'{", ".join(map(str, even))}); change attention'
    )


class Generator(nn.Module):
  """Latents [B, L] -> images [B, size, size, channels] in [-1, 1].

  With classes it is called on {'latents': [B, L], 'label': [B] or weights of the classes [B, classes]}.

  Attributes:
    size: 28, 32, 48, 64 or 128.
    channels: of the image.
    width: number of channels of the last feature map.
    classes: number of classes; 0 for a generator without labels.
    attention: side of the feature map after which it has self-attention; 0 for none.
    shared: size of an embedding of the class that all normalizations share. With 0, each normalization
      has a table with a gain and a bias per class.
    split_latents: whether latents are split into equal chunks, one for the first layer and one for the
      normalizations of each stage.
    bottleneck: whether a stage is two bottleneck blocks, as in BigGAN-deep. Their normalizations and
      the first layer see the class and all latents.
    spectral: whether kernels have spectral norm. Tables and the shared embedding do not.
    orthogonal: whether initial kernels are orthogonal, as in BigGAN, or uniform, as in SNGAN.
    upsampling: 'nearest' as in the papers, or 'bilinear' as in torch-mimicry.
    axis_name: the device axis over which batch statistics are computed; None for each device's own.
  """

  size: int
  channels: int = 1
  width: int = 64
  classes: int = 0
  attention: int = 0
  shared: int = 0
  split_latents: bool = False
  bottleneck: bool = False
  spectral: bool = False
  orthogonal: bool = False
  upsampling: str = 'nearest'
  axis_name: str | None = None

  @nn.compact
  def __call__(
    self, inputs: jax.Array | Mapping[str, Any], *, train: bool, key: chex.PRNGKey | None = None
  ) -> jax.Array:
    """Generates images; `key` is not used."""
    first, *others = (multiple * self.width for multiple in _plan(self.size).generator)
    side = self.size // 2 ** len(others)
    _check_generator(self, [side * 2**stage for stage in range(1, len(others) + 1)])
    latents, embedding = labels.split(inputs, 'latents', self.classes)
    if embedding is not None and self.shared:
      init = self._weights.initializer()
      layer = linear(self.shared, use_bias=False, kernel_init=init, name='shared_embedding')
      embedding = layer(embedding)
    start, conditions = _conditions(self, latents, embedding, len(others))
    x = self._weights.linear(start, side * side * first, train)
    x = x.reshape(x.shape[0], side, side, first)
    for features, condition in zip(others, conditions, strict=True):
      x = self._stage(x, condition, features, train)
      if x.shape[1] == self.attention:
        x = SelfAttention(self.spectral, self._weights.initializer())(x, train=train)
    x = jax.nn.relu(ConditionalBatchNorm(self.axis_name)(x, None, train=train))
    return jnp.tanh(self._weights.conv(x, self.channels, train))

  @property
  def _weights(self) -> residual.Weights:
    return residual.Weights(self.spectral, self.orthogonal)

  def _stage(self, x: jax.Array, condition: jax.Array | None, features: int, train: bool) -> jax.Array:
    norm = functools.partial(ConditionalBatchNorm, self.axis_name)
    if self.shared or self.split_latents or self.bottleneck:
      norm = functools.partial(norm, self.spectral, self._weights.initializer())
    if not self.bottleneck:
      block = residual.UpBlock(features, norm, self._weights, self.upsampling)
      return block(x, condition, train=train)
    for outputs, doubles in ((x.shape[-1], False), (features, True)):
      block = residual.UpBottleneck(outputs, norm, doubles, self._weights, self.upsampling)
      x = block(x, condition, train=train)
    return x


def _check_generator(generator: Generator, sides: Sequence[int]) -> None:
  """Raises ConfigError unless the fields fit together; `sides` are those of the feature maps."""
  _check_attention(generator.attention, sides)
  if generator.shared and not generator.classes:
    raise ConfigError(
      f'shared={generator.shared}: an embedding without classes (0); set classes, or shared to 0'
    )
  if generator.split_latents and generator.bottleneck:
    raise ConfigError(
      'split_latents=True: bottleneck blocks see all latents (False); change split_latents or '
      'bottleneck'
    )


def _conditions(
  generator: Generator, latents: jax.Array, embedding: jax.Array | None, stages: int
) -> tuple[jax.Array, list[jax.Array | None]]:
  """Returns the inputs of the first layer, and the conditions of the norms of each stage.

  Args:
    generator: its fields say how.
    latents: [B, L].
    embedding: [B, E] of the class, or None without classes.
    stages: number of stages.

  Raises:
    ConfigError: the latents cannot be split into equal chunks.
  """

  def with_embedding(x: jax.Array) -> jax.Array:
    return x if embedding is None else jnp.concatenate([x, embedding], axis=-1)

  if generator.bottleneck:
    joined = with_embedding(latents)
    return joined, [joined] * stages
  if not generator.split_latents:
    return latents, [embedding] * stages
  if latents.shape[1] % (stages + 1):
    raise ConfigError(
      f'split_latents=True: {latents.shape[1]} latents cannot be split into {stages + 1} equal '
      f'chunks (a multiple of {stages + 1}); change gan.prior.size'
    )
  first, *chunks = jnp.split(latents, stages + 1, axis=-1)
  return first, [with_embedding(chunk) for chunk in chunks]


class Discriminator(nn.Module):
  """Images [B, size, size, C] in [-1, 1] -> logits [B], or features [B, outputs].

  With classes it is called on {'examples': images, 'label': [B] or weights of the classes
  [B, classes]}. The logits are then psi(phi) + <embedding of the class, phi>. The features phi are sums
  over all pixels of the last feature map after ReLU, and psi is linear (Miyato & Koyama 2018, equation
  3).

  Attributes:
    width: number of channels of the first feature map.
    norm: 'spectral', which divides every kernel by its largest singular value; or 'none', for gradient
      penalties.
    classes: number of classes; 0 for a discriminator without labels.
    attention: side of the feature map after which it has self-attention; 0 for none.
    wide: whether blocks have as many channels inside as they output, as in SAGAN and BigGAN, or as they
      take, as in SNGAN.
    bottleneck: whether a stage is two bottleneck blocks, as in BigGAN-deep.
    orthogonal: as in `Generator`.
    outputs: 0 for logits; otherwise the size of the features, without classes.
  """

  width: int = 64
  norm: str = 'spectral'
  classes: int = 0
  attention: int = 0
  wide: bool = False
  bottleneck: bool = False
  orthogonal: bool = False
  outputs: int = 0

  @nn.compact
  def __call__(
    self, inputs: jax.Array | Mapping[str, Any], *, train: bool, key: chex.PRNGKey | None = None
  ) -> jax.Array:
    """Returns logits or features; `key` is not used."""
    images, class_weights = labels.split(inputs, 'examples', self.classes)
    _check_discriminator(self, images.shape[1])
    x = self._feature_map(images, train)
    features = jax.nn.relu(x).sum((1, 2))
    outputs = self._weights.linear(features, max(self.outputs, 1), train)
    if self.outputs:
      return outputs
    logits = outputs[:, 0]
    if class_weights is None:
      return logits
    layer = linear(
      features.shape[1], use_bias=False, kernel_init=self._weights.initializer(), name='embedding'
    )
    return logits + (self._weights.apply(layer, class_weights, train) * features).sum(axis=-1)

  @property
  def _weights(self) -> residual.Weights:
    return residual.Weights(self.norm == 'spectral', self.orthogonal)

  def _feature_map(self, x: jax.Array, train: bool) -> jax.Array:
    """Returns the last feature map, before its ReLU."""
    plan = _plan(x.shape[1])
    widths = [multiple * self.width for multiple in plan.discriminator]
    if self.bottleneck:
      x = self._weights.conv(x, widths[0], train)
      widths = widths[1:]
    for stage, features in enumerate(widths):
      halves = stage < plan.halvings
      x = self._stage(x, features, halves, is_first=stage == 0, train=train)
      if halves and x.shape[1] == self.attention:
        x = SelfAttention(self._weights.spectral, self._weights.initializer())(x, train=train)
    return x

  def _stage(
    self, x: jax.Array, features: int, halves: bool, *, is_first: bool, train: bool
  ) -> jax.Array:
    if self.bottleneck:
      x = residual.DownBottleneck(features, halves, self._weights)(x, train=train)
      return residual.DownBottleneck(features, False, self._weights)(x, train=train)
    if is_first:
      return residual.FirstDownBlock(features, self._weights)(x, train=train)
    return residual.DownBlock(features, halves, self.wide, self._weights)(x, train=train)


def _check_discriminator(discriminator: Discriminator, size: int) -> None:
  """Raises ConfigError unless the fields fit together and to the size of the images."""
  norm, outputs = discriminator.norm, discriminator.outputs
  if norm not in NORMS:
    raise ConfigError(f'norm={norm!r}: unknown (one of: {", ".join(NORMS)}); change norm')
  if outputs and discriminator.classes:
    raise ConfigError(f'outputs={outputs}: a projection of classes has logits (0); change outputs')
  sides = [size // 2**n for n in range(1, _plan(size).halvings + 1)]
  _check_attention(discriminator.attention, sides)
