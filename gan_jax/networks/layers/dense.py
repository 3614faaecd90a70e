"""Parts of fully connected networks: layers, activations, initializers, spectral norm."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.common.errors import ConfigError

ACTIVATIONS = {
  'relu': jax.nn.relu,
  'leaky_relu': functools.partial(jax.nn.leaky_relu, negative_slope=0.2),
  'tanh': jnp.tanh,
}


def activation(name: str) -> Callable[[jax.Array], jax.Array]:
  """Returns the activation of this name in `ACTIVATIONS`; ConfigError if it is unknown."""
  if name not in ACTIVATIONS:
    raise ConfigError(
      f'activation={name!r}: unknown (one of: {", ".join(ACTIVATIONS)}); choose one of these'
    )
  return ACTIVATIONS[name]


_INITIALIZERS = {
  'he': nn.initializers.he_normal(),
  'lecun': nn.initializers.lecun_normal(),
  'orthogonal': nn.initializers.orthogonal(1.4),
}


def initializer(weights: str | float) -> nn.initializers.Initializer:
  """Returns an initializer of kernels.

  Args:
    weights: 'he', 'lecun', 'orthogonal' (with gain 1.4), or the standard deviation of a normal
      distribution.

  Raises:
    ConfigError: the name is unknown.
  """
  if isinstance(weights, int | float):
    return nn.initializers.normal(weights)
  if weights not in _INITIALIZERS:
    raise ConfigError(
      f'weights={weights!r}: unknown (a number, or one of: {", ".join(_INITIALIZERS)}); change weights'
    )
  return _INITIALIZERS[weights]


_THIN = 4
"""Largest number of inputs or outputs of a thin layer."""


def _product(x: jax.Array, kernel: jax.Array, *unused_dimensions: Any, **precision: Any) -> jax.Array:
  """Multiplies x [..., inputs] by a kernel [inputs, outputs], as `lax.dot_general` does.

  Layers next to 2-D points have two inputs or two outputs. As matrix products they took XLA:CPU longer
  than the wide layers between them. As outer products, or as products with vectors, XLA fuses them with
  the operations before and after. This holds for their derivatives too, except for those with respect
  to the kernel, which remain matrix products.
  """
  inputs, outputs = kernel.shape
  if inputs <= _THIN:
    products = (jnp.dot(x[..., i : i + 1], kernel[i : i + 1], **precision) for i in range(inputs))
    return cast(jax.Array, sum(products))
  if 1 < outputs <= _THIN:
    return jnp.stack([jnp.dot(x, kernel[:, i], **precision) for i in range(outputs)], axis=-1)
  return lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())), **precision)


linear = functools.partial(nn.Dense, dot_general=_product)
"""A dense layer as `nn.Dense` that is fast even if it is thin."""


class Dense(nn.Module):
  """A dense layer, optionally with spectral norm.

  Spectral norm divides the kernel by its largest singular value. Each training pass estimates it with
  one step of power iteration, whose vector is the layer's state (Miyato et al. 2018, arXiv:1802.05957,
  algorithm 1).

  Attributes:
    features: number of outputs.
    norm: 'none' or 'spectral'.
    kernel_init: initializer of the kernel.
  """

  features: int
  norm: str = 'none'
  kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Applies the layer, [B, inputs] -> [B, features]."""
    if self.norm not in ('none', 'spectral'):
      raise ConfigError(f'norm={self.norm!r}: unknown (one of: none, spectral); change norm')
    layer = linear(self.features, kernel_init=self.kernel_init)
    if self.norm != 'spectral':
      return layer(x)
    # Without a dtype the kernel would have the type of the norm's state, and so would the computation.
    return nn.SpectralNorm(layer, dtype=x.dtype)(x, update_stats=train)


MakeLayer = Callable[[int], nn.Module]
"""The number of outputs -> a dense layer."""


def maxout(x: jax.Array, units: int, pieces: int, make_layer: MakeLayer) -> jax.Array:
  """Applies a maxout layer, in the scope of the module that calls it.

  Args:
    x: [B, inputs].
    units: number of outputs.
    pieces: number of linear functions whose maximum each output is.
    make_layer: makes the dense layer of all linear functions.

  Returns:
    [B, units].

  Source: Goodfellow et al. 2013 (arXiv:1302.4389).
  """
  return make_layer(units * pieces)(x).reshape(-1, units, pieces).max(axis=-1)


def autoencode(
  x: jax.Array,
  hidden: Sequence[int],
  code: int,
  activation: Callable[[jax.Array], jax.Array],
  make_layer: MakeLayer,
) -> tuple[jax.Array, jax.Array]:
  """Applies an autoencoder of dense layers, in the scope of the module that calls it.

  Args:
    x: [B, D].
    hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
    code: size of the code.
    activation: of the hidden layers.
    make_layer: makes each dense layer.

  Returns:
    Reconstructions [B, D] and codes [B, code], both linear in the last hidden layer before them.
  """
  size = x.shape[-1]
  for features in hidden:
    x = activation(make_layer(features)(x))
  codes = x = make_layer(code)(x)
  for features in hidden[::-1]:
    x = activation(make_layer(features)(x))
  return make_layer(size)(x), codes
