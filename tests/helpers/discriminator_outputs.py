"""Outputs of a discriminator on which losses are tested."""

import jax
import jax.numpy as jnp

SIDES = ('discriminator', 'generator')
"""The players that a loss has a function for."""


def scores() -> tuple[jax.Array, jax.Array]:
  """Real and fake scores away from every kink, in the precision of the day."""
  return jnp.array([0.3, -1.7, 2.2]), jnp.array([0.8, -0.4, 1.6])
