"""Fully connected networks for points [B, D], as in 2-D benchmarks."""

import functools
from collections.abc import Sequence

import chex
import jax
from flax import linen as nn

from gan_jax.networks.layers.dense import Dense, activation, autoencode, initializer, linear, maxout

__all__ = ['Autoencoder', 'Discriminator', 'Generator', 'Maxout']


class Generator(nn.Module):
  """Latents [B, L] -> points [B, size]: dense layers, the last one linear.

  Attributes:
    size: D, the number of coordinates of a point.
    hidden: widths of the hidden layers.
    activation: of the hidden layers, a key of `dense.ACTIVATIONS`.
    batch_norm: whether batch norm replaces the bias before each activation.
    weights: the initializer of the weights, see `dense.initializer`.
    axis_name: the device axis over which batch statistics are computed; None for each device's own.
  """

  size: int = 2
  hidden: Sequence[int] = (128, 128)
  activation: str = 'relu'
  batch_norm: bool = False
  weights: str | float = 'he'
  axis_name: str | None = None

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Generates points; `key` is not used."""
    kernel_init, x = initializer(self.weights), latents
    for features in self.hidden:
      x = linear(features, use_bias=not self.batch_norm, kernel_init=kernel_init)(x)
      if self.batch_norm:
        x = nn.BatchNorm(use_running_average=not train, momentum=0.95, axis_name=self.axis_name)(x)
      x = activation(self.activation)(x)
    return linear(self.size, kernel_init=kernel_init)(x)


class Discriminator(nn.Module):
  """Points [B, D] -> logits [B], or features [B, outputs]: dense layers, the last one linear.

  Attributes:
    hidden: widths of the hidden layers.
    activation: as in `Generator`.
    outputs: 0 for logits [B]; otherwise the size of the features.
    norm: 'spectral', which divides every kernel by its largest singular value, or 'none'.
    weights: as in `Generator`.
  """

  hidden: Sequence[int] = (128, 128)
  activation: str = 'leaky_relu'
  outputs: int = 0
  norm: str = 'none'
  weights: str | float = 'he'

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Returns logits or features of points; `key` is not used."""
    kernel_init, x = initializer(self.weights), points
    for features in self.hidden:
      x = activation(self.activation)(Dense(features, self.norm, kernel_init)(x, train=train))
    x = Dense(max(self.outputs, 1), self.norm, kernel_init)(x, train=train)
    return x if self.outputs else x[:, 0]


class Maxout(nn.Module):
  """Points [B, D] -> logits [B] through maxout layers, as in PacGAN's 2-D experiments.

  Attributes:
    hidden: number of maxout units of each layer.
    pieces: number of linear functions whose maximum a unit is.
    weights: as in `Generator`.
  """

  hidden: Sequence[int] = (200, 200, 200)
  pieces: int = 5
  weights: str | float = 0.02

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Returns the logits of points; `key` is not used."""
    make_layer = functools.partial(linear, kernel_init=initializer(self.weights))
    x = points
    for units in self.hidden:
      x = maxout(x, units, self.pieces, make_layer)
    return make_layer(1)(x)[:, 0]


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
  def __call__(
    self, points: jax.Array, *, train: bool, key: chex.PRNGKey | None = None
  ) -> tuple[jax.Array, jax.Array]:
    """Encodes and decodes points; `key` is not used."""
    make_layer = functools.partial(linear, kernel_init=initializer(self.weights))
    return autoencode(points, self.hidden, self.code, activation(self.activation), make_layer)
