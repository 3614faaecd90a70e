"""Fully connected networks for points, [B, D]: those that 2-D benchmarks are run with."""

from collections.abc import Sequence

import jax
from flax import linen as nn

from gan_jax.networks.layers.dense import Dense, activation, initializer, linear

__all__ = ['Autoencoder', 'Discriminator', 'Generator', 'Maxout']


class Generator(nn.Module):
  """Latents [B, L] -> points [B, size]: dense layers, the last one linear.

  Attributes:
    size: D, coordinates of a point.
    hidden: widths of the hidden layers.
    activation: after each of them, a key of `dense.ACTIVATIONS`.
    batch_norm: whether before each activation there is batch norm, in place of the layer's bias.
    weights: what the weights start from, see `dense.initializer`.
    axis_name: the device axis over which batch statistics are taken; None: each device its own.
  """

  size: int = 2
  hidden: Sequence[int] = (128, 128)
  activation: str = 'relu'
  batch_norm: bool = False
  weights: str | float = 'he'
  axis_name: str | None = None

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Makes points; `key` is not needed."""
    start, x = initializer(self.weights), latents
    for features in self.hidden:
      x = linear(features, use_bias=not self.batch_norm, kernel_init=start)(x)
      if self.batch_norm:
        x = nn.BatchNorm(use_running_average=not train, momentum=0.95, axis_name=self.axis_name)(x)
      x = activation(self.activation)(x)
    return linear(self.size, kernel_init=start)(x)


class Discriminator(nn.Module):
  """Points [B, D] -> scores [B], or features [B, outputs]: dense layers, the last one linear.

  Attributes:
    hidden: widths of the hidden layers.
    activation: as in `Generator`.
    outputs: 0 for scores [B], else the size of the features.
    norm: 'spectral' (every kernel divided by its largest singular value) or 'none'.
    weights: as in `Generator`.
  """

  hidden: Sequence[int] = (128, 128)
  activation: str = 'leaky_relu'
  outputs: int = 0
  norm: str = 'none'
  weights: str | float = 'he'

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Scores points; `key` is not needed."""
    start, x = initializer(self.weights), points
    for features in self.hidden:
      x = activation(self.activation)(Dense(features, self.norm, start)(x, train=train))
    x = Dense(max(self.outputs, 1), self.norm, start)(x, train=train)
    return x if self.outputs else x[:, 0]


class Maxout(nn.Module):
  """Points [B, D] -> scores [B] through maxout layers, as in PacGAN's 2-D experiments.

  Attributes:
    hidden: the number of maxout units of each layer.
    pieces: how many linear functions each unit is the maximum of.
    weights: as in `Generator`.
  """

  hidden: Sequence[int] = (200, 200, 200)
  pieces: int = 5
  weights: str | float = 0.02

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Scores points; `key` is not needed."""
    start, x = initializer(self.weights), points
    for units in self.hidden:
      x = linear(units * self.pieces, kernel_init=start)(x)
      x = x.reshape(len(x), units, self.pieces).max(axis=-1)
    return linear(1, kernel_init=start)(x)[:, 0]


class Autoencoder(nn.Module):
  """Points [B, D] -> (reconstructions [B, D], codes [B, code]).

  Attributes:
    hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
    code: size of the code.
    activation: as in `Generator`.
    weights: as in `Generator`.
  """

  hidden: Sequence[int] = (128, 128)
  code: int = 2
  activation: str = 'relu'
  weights: str | float = 'he'

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key=None) -> tuple[jax.Array, jax.Array]:
    """Encodes and decodes points; `key` is not needed."""
    start, x, active = initializer(self.weights), points, activation(self.activation)
    for features in self.hidden:
      x = active(linear(features, kernel_init=start)(x))
    codes = x = linear(self.code, kernel_init=start)(x)
    for features in self.hidden[::-1]:
      x = active(linear(features, kernel_init=start)(x))
    return linear(points.shape[-1], kernel_init=start)(x), codes
