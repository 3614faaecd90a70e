"""Fully connected networks for points [B, D], as in 2-D benchmarks."""

import functools
from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.networks.layers import labels
from gan_jax.networks.layers.dense import Dense, activation, autoencode, initializer, linear, maxout

__all__ = ['Autoencoder', 'Discriminator', 'Generator', 'Maxout']


class Generator(nn.Module):
  """Latents [B, L] -> points [B, size]: dense layers, the last one linear.

  With classes, its input is {'latents': [B, L], 'label': [B]}, which are joined.

  Attributes:
    size: D, the number of coordinates of a point.
    hidden: widths of the hidden layers.
    activation: of the hidden layers, a key of `dense.ACTIVATIONS`.
    batch_norm: whether batch norm replaces the bias before each activation.
    weights: the initializer of the weights, see `dense.initializer`.
    classes: number of labels; 0 for a network without labels.
    axis_name: the device axis over which batch statistics are computed; None for each device's own.
  """

  size: int = 2
  hidden: Sequence[int] = (128, 128)
  activation: str = 'relu'
  batch_norm: bool = False
  weights: str | float = 'he'
  classes: int = 0
  axis_name: str | None = None

  @nn.compact
  def __call__(self, inputs: PyTree, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Generates points; `key` is not used."""
    kernel_init = initializer(self.weights)
    x, label = labels.split(inputs, 'latents', self.classes)
    if label is not None:
      x = jnp.concatenate([x, label], axis=1)
    for features in self.hidden:
      x = linear(features, use_bias=not self.batch_norm, kernel_init=kernel_init)(x)
      if self.batch_norm:
        x = nn.BatchNorm(use_running_average=not train, momentum=0.95, axis_name=self.axis_name)(x)
      x = activation(self.activation)(x)
    return linear(self.size, kernel_init=kernel_init)(x)


class Discriminator(nn.Module):
  """Points [B, D] -> logits [B], or several outputs [B, outputs]: dense layers, the last one linear.

  With `with_features` it returns {'logits', 'features': [B, F]}, where the features are the input of
  the last layer. With classes, its input is {'examples': points, 'label': [B]}. The inner product of an
  embedding of the label and the features is then added to the logits (Miyato & Koyama 2018,
  arXiv:1802.05637, equation 3).

  Attributes:
    hidden: widths of the hidden layers.
    activation: as in `Generator`.
    outputs: 0 for logits [B]; otherwise the number of outputs.
    norm: 'spectral', which divides every kernel by its largest singular value, or 'none'.
    weights: as in `Generator`.
    with_features: whether to return the features too.
    classes: number of labels; 0 for a network without labels.
  """

  hidden: Sequence[int] = (128, 128)
  activation: str = 'leaky_relu'
  outputs: int = 0
  norm: str = 'none'
  weights: str | float = 'he'
  with_features: bool = False
  classes: int = 0

  @nn.compact
  def __call__(
    self, inputs: PyTree, *, train: bool, key: chex.PRNGKey | None = None
  ) -> jax.Array | dict[str, jax.Array]:
    """Returns the outputs for points; `key` is not used."""
    kernel_init = initializer(self.weights)
    x, label = labels.split(inputs, 'examples', self.classes)
    if self.classes and self.outputs:
      raise ConfigError(
        f'outputs={self.outputs}: a network with classes has one logit (0); set outputs or classes to 0'
      )
    for width in self.hidden:
      x = activation(self.activation)(Dense(width, self.norm, kernel_init)(x, train=train))
    features = x
    x = Dense(max(self.outputs, 1), self.norm, kernel_init)(features, train=train)
    logits = x if self.outputs else x[:, 0]
    if label is not None:
      embed = Dense(features.shape[1], self.norm, kernel_init, name='embedding')
      logits += (embed(label, train=train) * features).sum(axis=1)
    return {'logits': logits, 'features': features} if self.with_features else logits


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
