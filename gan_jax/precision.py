"""A network that computes in bfloat16, from parameters and with a state in float32."""

from typing import Any

import chex
import jax
import jax.numpy as jnp

from gan_jax.wrapped import Run, Variables, Wrapped


class Lowered(Wrapped):
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
