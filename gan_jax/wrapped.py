"""A network around a network: what `game` uses of a Flax module, with another way to call it."""

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import chex
import jax
from flax import linen as nn

Variables = Mapping[str, Any]
Run = Callable[[Variables, jax.Array, chex.PRNGKey | None], tuple[Any, Variables]]


@dataclasses.dataclass(frozen=True)
class Wrapped(abc.ABC):
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


def inside(network: Any, change: Callable[[nn.Module], nn.Module]) -> Any:
  """The network with its Flax module changed, also where that is wrapped."""
  if isinstance(network, Wrapped):
    return dataclasses.replace(network, module=inside(network.module, change))
  return change(network)
