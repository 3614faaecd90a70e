"""A network whose activations are not kept for the backward pass, but computed again in it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import chex
import jax
from flax import linen as nn


@dataclasses.dataclass(frozen=True)
class Rematerialized:
  """Has the interface of the module that it wraps as far as `game` uses it.

  What is kept of a call is its inputs: less memory, for about one more forward pass (Chen et al. 2016,
  arXiv:1604.06174).
  """

  module: nn.Module

  def init(self, *arguments: Any, **settings: Any) -> Mapping[str, Any]:
    """The module's."""
    return self.module.init(*arguments, **settings)

  def apply(
    self,
    variables: Mapping[str, Any],
    inputs: chex.Array,
    *,
    key: chex.PRNGKey | None,
    train: bool,
    mutable: Sequence[str],
  ) -> tuple[Any, Mapping[str, Any]]:
    """The module's, see `game.apply`."""

    def run(variables: Mapping[str, Any], inputs: chex.Array, key: chex.PRNGKey | None):
      return self.module.apply(variables, inputs, key=key, train=train, mutable=mutable)

    return jax.checkpoint(run)(variables, inputs, key)
