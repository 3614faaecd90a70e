"""A network that computes in bfloat16, from parameters and with a state in float32."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Lowered:
  """Has the interface of the module that it wraps as far as `game` uses it.

  Inputs and parameters are rounded, outputs are float32 again: losses, penalties, gradients and
  optimizers see float32 alone. The state, as batch statistics and spectral norm's vectors, is kept and
  updated in float32.

  Attributes:
    module: a Flax module, or what has its interface.
  """

  module: Any

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
    lowered = {**variables, 'params': _cast(variables['params'], jnp.bfloat16)}
    inputs = _cast(inputs, jnp.bfloat16)
    outputs, state = self.module.apply(lowered, inputs, key=key, train=train, mutable=mutable)
    return _cast(outputs, jnp.float32), _cast(state, jnp.float32)


def _cast(tree: Any, dtype: Any) -> Any:
  """Floating-point leaves in another type."""

  def one(x: chex.Array) -> chex.Array:
    return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

  return jax.tree.map(one, tree)
