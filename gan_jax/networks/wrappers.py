"""Networks around networks: mixed precision and rematerialization."""

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

Variables = Mapping[str, Any]
Run = Callable[[Variables, jax.Array, chex.PRNGKey | None], tuple[Any, Variables]]


@dataclasses.dataclass(frozen=True)
class NetworkWrapper(abc.ABC):
  """Has the interface of the network that it wraps as far as `game` uses it.

  Attributes:
    module: a Flax module, or one that is wrapped.
  """

  module: Any

  def init(self, *arguments: Any, **settings: Any) -> Variables:
    """The module's."""
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
    """The module's, see `game.apply`, called as `call` says."""

    def run(variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None):
      return self.module.apply(variables, inputs, key=key, train=train, mutable=mutable)

    return self.call(run, variables, inputs, key)

  @abc.abstractmethod
  def call(
    self, run: Run, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """(outputs, new state) of `run`, which is the module's own call."""


def map_inner_module(network: Any, change: Callable[[nn.Module], nn.Module]) -> Any:
  """The network with its Flax module changed, also where that is wrapped."""
  if isinstance(network, NetworkWrapper):
    return dataclasses.replace(network, module=map_inner_module(network.module, change))
  return change(network)


class MixedPrecision(NetworkWrapper):
  """Inputs and parameters are rounded, outputs are float32 again.

  Losses, penalties, gradients and optimizers see float32 alone. The state, as batch statistics and
  spectral norm's vectors, is kept and updated in float32.
  """

  def call(
    self, run: Run, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """The same, in bfloat16."""
    lowered = {**variables, 'params': _cast(variables['params'], jnp.bfloat16)}
    return _cast(run(lowered, _cast(inputs, jnp.bfloat16), key), jnp.float32)


def _cast(tree: Any, dtype: Any) -> Any:
  """Floating-point leaves in another type."""

  def one(x: jax.Array) -> jax.Array:
    return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

  return jax.tree.map(one, tree)


class Rematerialized(NetworkWrapper):
  """What is kept of a call is its inputs: less memory, for about one more forward pass.

  Chen et al. 2016, arXiv:1604.06174.
  """

  def call(
    self, run: Run, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """The same, with a checkpoint around it."""
    return jax.checkpoint(run)(variables, inputs, key)
