"""Functions whose gradients stay finite where those of jax.numpy do not."""

import chex
import jax.numpy as jnp


def root(x: chex.Array) -> chex.Array:
  """The square root of x >= 0, any shape; at 0 its gradient is 0, not infinite."""
  some = x > 0
  return jnp.where(some, jnp.sqrt(jnp.where(some, x, 1)), 0)
