"""Wrappers of networks: mixed precision and rematerialization."""

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

Variables = Mapping[str, Any]
ApplyFn = Callable[[Variables, jax.Array, chex.PRNGKey | None], tuple[Any, Variables]]


@dataclasses.dataclass(frozen=True)
class NetworkWrapper(abc.ABC):
  """A network that changes how the network inside it is computed.

  It has the methods of a Flax module that `gan_jax.game` uses.

  Attributes:
    module: a Flax module or another wrapper.
  """

  module: Any

  def init(self, *arguments: Any, **settings: Any) -> Variables:
    """Initializes the inner module."""
    return self.module.init(*arguments, **settings)

  def apply(
    self,
    variables: Variables,
    inputs: jax.Array,
    *,
    key: chex.PRNGKey | None,
    train: bool,
    mutable: Sequence[str],
  ) -> tuple[Any, Variables]:
    """Applies the inner module through `call`, see `game.apply`."""

    def apply_fn(variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None):
      return self.module.apply(variables, inputs, key=key, train=train, mutable=mutable)

    return self.call(apply_fn, variables, inputs, key)

  @abc.abstractmethod
  def call(
    self, apply_fn: ApplyFn, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """Returns (outputs, new state).

    Args:
      apply_fn: applies the inner module.
      variables: of the inner module.
      inputs: [B, ...].
      key: [B] keys, or None.
    """


def map_inner_module(network: Any, change: Callable[[nn.Module], nn.Module]) -> Any:
  """Applies `change` to the Flax module of a network, inside any wrappers."""
  if isinstance(network, NetworkWrapper):
    return dataclasses.replace(network, module=map_inner_module(network.module, change))
  return change(network)


class MixedPrecision(NetworkWrapper):
  """A network that computes in bfloat16.

  Inputs and parameters are rounded to bfloat16; outputs are float32. Losses, penalties, gradients and
  optimizers see float32 only. The state, e.g. batch statistics and the vectors of spectral norm, stays
  float32.
  """

  def call(
    self, apply_fn: ApplyFn, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """Applies the network in bfloat16."""
    rounded = {**variables, 'params': _cast(variables['params'], jnp.bfloat16)}
    return _cast(apply_fn(rounded, _cast(inputs, jnp.bfloat16), key), jnp.float32)


def _cast(tree: Any, dtype: Any) -> Any:
  """Casts the floating-point leaves of a tree."""

  def cast_leaf(x: jax.Array) -> jax.Array:
    return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

  return jax.tree.map(cast_leaf, tree)


class Rematerialized(NetworkWrapper):
  """A network whose activations are recomputed in the backward pass.

  It saves memory, and costs about one more forward pass.

  Source: Chen et al. 2016 (arXiv:1604.06174).
  """

  def call(
    self, apply_fn: ApplyFn, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """Applies the network inside `jax.checkpoint`."""
    return jax.checkpoint(apply_fn)(variables, inputs, key)
