"""What the fully connected networks share: layers, activations, starting weights, spectral norm."""

import functools
from collections.abc import Callable
from typing import cast

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
  """Of kernels: 'he', 'lecun', 'orthogonal' (of gain 1.4), or the standard deviation of a normal.

  Raises:
    ConfigError: it is none of these.
  """
  if isinstance(weights, int | float):
    return nn.initializers.normal(weights)
  if weights not in _INITIALIZERS:
    raise ConfigError(
      f'weights is {weights!r}; it must be a number or one of: {", ".join(_INITIALIZERS)}'
    )
  return _INITIALIZERS[weights]


_FEW = 4
"""Inputs or outputs up to which a layer is thin."""


def _product(x: jax.Array, kernel: jax.Array, *unused_dimensions, **precision) -> jax.Array:
  """x [..., inputs] and kernel [inputs, outputs] -> [..., outputs]: `lax.dot_general` for thin layers.

  Those of points have two inputs, or two outputs. As outer products and products with vectors they
  become parts of what is done to each example before and after, and so do their derivatives, but for
  the kernel's, which stay products; as products of matrices they took XLA:CPU longer than the wide
  layers between them.
  """
  inputs, outputs = kernel.shape
  if inputs <= _FEW:
    parts = (jnp.dot(x[..., i : i + 1], kernel[i : i + 1], **precision) for i in range(inputs))
    return cast(jax.Array, sum(parts))
  if 1 < outputs <= _FEW:
    return jnp.stack([jnp.dot(x, kernel[:, i], **precision) for i in range(outputs)], axis=-1)
  return lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())), **precision)


linear = functools.partial(nn.Dense, dot_general=_product)
"""A dense layer as `nn.Dense`, which is fast where it is thin, too."""


class Dense(nn.Module):
  """A dense layer; with the norm 'spectral' its kernel is divided by its largest singular value.

  The singular value comes from one step of power iteration in every training pass (Miyato et al.
  2018, arXiv:1802.05957, algorithm 1), whose vector is the layer's state.
  """

  features: int
  norm: str = 'none'
  kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """[B, inputs] -> [B, features]."""
    if self.norm not in ('none', 'spectral'):
      raise ConfigError(f"norm is {self.norm!r}; it must be 'none' or 'spectral'")
    layer = linear(self.features, kernel_init=self.kernel_init)
    if self.norm != 'spectral':
      return layer(x)
    # Else the kernel would have the type of the norm's state, and the layer compute in it.
    return nn.SpectralNorm(layer, dtype=x.dtype)(x, update_stats=train)
