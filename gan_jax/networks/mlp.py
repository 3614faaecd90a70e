"""Fully connected networks for images, after the first GAN.

Source: Goodfellow et al. 2014 (arXiv:1406.2661).
"""

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
from gan_jax.networks.layers import dense

__all__ = ['Autoencoder', 'Generator', 'MaxoutDiscriminator']


def _uniform(radius: float) -> nn.initializers.Initializer:
  return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -radius, radius)


def dropout(x: jax.Array, rate: float, keys: chex.PRNGKey) -> jax.Array:
  """Applies inverted dropout to x [B, ...], with one key per example.

  An element becomes 0 with probability `rate`, and x / (1 - rate) otherwise.
  """
  keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - rate, x.shape[1:]))(keys)
  return jnp.where(keep, x / (1 - rate), 0)


class Generator(nn.Module):
  """Latents [B, L] -> images [B, size, size, channels] in [-1, 1]: dense layers and ReLU, then tanh.

  The paper's output is sigmoid(x) in [0, 1]. tanh(x) = 2 sigmoid(2 x) - 1 is the same function of twice
  the input, on [-1, 1].

  Attributes:
    size: height and width of the image.
    channels: of the image.
    hidden: widths of the hidden layers.
    init_range: initial weights are uniform on [-init_range, init_range].
  """

  size: int
  channels: int = 1
  hidden: Sequence[int] = (1200, 1200)
  init_range: float = 0.05

  def __post_init__(self):
    numerics.check_finite('init_range', self.init_range, least=0)
    super().__post_init__()

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Generates images; `key` is not used."""
    x = latents
    for features in self.hidden:
      x = jax.nn.relu(nn.Dense(features, kernel_init=_uniform(self.init_range))(x))
    shape = (self.size, self.size, self.channels)
    x = nn.Dense(math.prod(shape), kernel_init=_uniform(self.init_range))(x)
    return jnp.tanh(x).reshape(-1, *shape)


class MaxoutDiscriminator(nn.Module):
  """Images [B, ...] -> logits [B]: maxout layers (Goodfellow et al. 2013, arXiv:1302.4389), dropout.

  Attributes:
    hidden: number of maxout units of each layer.
    pieces: number of linear functions whose maximum a unit is.
    input_dropout: dropout rate of the inputs in training.
    hidden_dropout: dropout rate of each layer's units in training.
    init_range: initial weights are uniform on [-init_range, init_range].
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
  def __call__(self, images: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    """Returns the logits of images; in training `key` [B] draws the dropout."""
    x = lax.collapse(images, 1)
    make_layer = functools.partial(nn.Dense, kernel_init=_uniform(self.init_range))
    rates = (self.input_dropout,) + (self.hidden_dropout,) * len(self.hidden)
    for layer, rate in enumerate(rates):
      if layer:
        x = dense.maxout(x, self.hidden[layer - 1], self.pieces, make_layer)
      if train:
        assert key is not None
        x = dropout(x, rate, jax.vmap(jax.random.fold_in, (0, None))(key, layer))
    return make_layer(1)(x)[:, 0]


class Autoencoder(nn.Module):
  """Images [B, height, width, C] -> (reconstructions of their shape, codes [B, code]).

  Dense layers and ReLU; the code is linear, the reconstruction goes through tanh. It has no batch norm,
  so that the output for an example does not depend on the batch.

  Attributes:
    hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
    code: size of the code.
  """

  hidden: Sequence[int] = (512, 512)
  code: int = 64

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool, key: chex.PRNGKey | None = None
  ) -> tuple[jax.Array, jax.Array]:
    """Encodes and decodes images; `key` is not used."""
    make_layer = functools.partial(nn.Dense, kernel_init=nn.initializers.he_normal())
    x = lax.collapse(images, 1)
    x, codes = dense.autoencode(x, self.hidden, self.code, jax.nn.relu, make_layer)
    return jnp.tanh(x).reshape(images.shape), codes
