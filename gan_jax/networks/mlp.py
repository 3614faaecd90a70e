"""Fully connected networks, those of the first GAN (Goodfellow et al. 2014, arXiv:1406.2661)."""

import functools
import math
from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.common import numerics
from gan_jax.common.errors import ConfigError

__all__ = ['Autoencoder', 'Generator', 'MaxoutDiscriminator']


def _uniform(reach: float) -> nn.initializers.Initializer:
  return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -reach, reach)


def dropout(x: jax.Array, rate: float, keys: chex.PRNGKey) -> jax.Array:
  """Inverted dropout of x [B, ...] with a key an example: zero at `rate`, else x / (1 - rate)."""
  keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - rate, x.shape[1:]))(keys)
  return jnp.where(keep, x / (1 - rate), 0)


class Generator(nn.Module):
  """Latents [B, L] -> images [B, size, size, channels] in [-1, 1]: dense layers and ReLU, then tanh.

  The paper's output is a sigmoid on [0, 1]; tanh is the same function on [-1, 1], of twice the slope.

  Attributes:
    size: of the image, any.
    channels: of the image.
    hidden: widths of the hidden layers.
    init_range: weights start uniform on [-init_range, init_range].
  """

  size: int
  channels: int = 1
  hidden: Sequence[int] = (1200, 1200)
  init_range: float = 0.05

  def __post_init__(self):
    numerics.check_finite('init_range', self.init_range, least=0)
    super().__post_init__()

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Makes images; `key` is not needed."""
    x = latents
    for features in self.hidden:
      x = jax.nn.relu(nn.Dense(features, kernel_init=_uniform(self.init_range))(x))
    shape = (self.size, self.size, self.channels)
    x = nn.Dense(math.prod(shape), kernel_init=_uniform(self.init_range))(x)
    return jnp.tanh(x).reshape(-1, *shape)


class MaxoutDiscriminator(nn.Module):
  """Images [B, ...] -> scores [B]: maxout layers (Goodfellow et al. 2013, arXiv:1302.4389), dropout.

  Attributes:
    hidden: the number of maxout units of each layer.
    pieces: how many linear functions each unit is the maximum of.
    input_dropout: the share of inputs dropped in training.
    hidden_dropout: the share of each layer's units dropped in training.
    init_range: weights start uniform on [-init_range, init_range].
  """

  hidden: Sequence[int] = (240, 240)
  pieces: int = 5
  input_dropout: float = 0.2
  hidden_dropout: float = 0.5
  init_range: float = 0.005

  def __post_init__(self):
    numerics.check_finite('init_range', self.init_range, least=0)
    for name, rate in (('input_dropout', self.input_dropout), ('hidden_dropout', self.hidden_dropout)):
      if not numerics.is_within(rate, below=1):
        raise ConfigError(f'{name}={rate!r}: out of range (from 0 to below 1); change {name}')
    super().__post_init__()

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Scores images; in training `key` [B] draws the dropout."""
    x = lax.collapse(images, 1)
    rates = (self.input_dropout,) + (self.hidden_dropout,) * len(self.hidden)
    for layer, rate in enumerate(rates):
      if layer:
        units = self.hidden[layer - 1]
        x = nn.Dense(units * self.pieces, kernel_init=_uniform(self.init_range))(x)
        x = x.reshape(-1, units, self.pieces).max(axis=-1)
      if train:
        assert key is not None
        x = dropout(x, rate, jax.vmap(jax.random.fold_in, (0, None))(key, layer))
    return nn.Dense(1, kernel_init=_uniform(self.init_range))(x)[:, 0]


class Autoencoder(nn.Module):
  """Images [B, height, width, C] -> (reconstructions of their shape, codes [B, code]).

  Dense layers and ReLU, the code linear, the reconstruction through tanh, no batch norm: a batch of
  fakes must not be judged by statistics of its own.

  Attributes:
    hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
    code: size of the code.
  """

  hidden: Sequence[int] = (512, 512)
  code: int = 64

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool, key=None) -> tuple[jax.Array, jax.Array]:
    """Encodes and decodes images; `key` is not needed."""
    layer = functools.partial(nn.Dense, kernel_init=nn.initializers.he_normal())
    x = lax.collapse(images, 1)
    for features in self.hidden:
      x = jax.nn.relu(layer(features)(x))
    codes = x = layer(self.code)(x)
    for features in self.hidden[::-1]:
      x = jax.nn.relu(layer(features)(x))
    return jnp.tanh(layer(math.prod(images.shape[1:]))(x)).reshape(images.shape), codes
