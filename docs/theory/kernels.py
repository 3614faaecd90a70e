"""Kernel distances between samples on a line, compared with their integral form."""

import jax
import jax.numpy as jnp
from claims import Row

from gan_jax.divergences import mmd

SEED = 2


def samples() -> tuple[jax.Array, jax.Array]:
  """Returns 300 points of N(0, 1) and 200 of N(0.5, 1.5^2)."""
  keys = jax.random.split(jax.random.key(SEED))
  return jax.random.normal(keys[0], (300,)), 0.5 + 1.5 * jax.random.normal(keys[1], (200,))


def cramer(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the integral of (F - G)^2 of the empirical distribution functions, exactly."""
  both = jnp.sort(jnp.concatenate([x, y]))
  below = lambda points: jnp.searchsorted(jnp.sort(points), both[:-1], side='right') / len(points)
  return ((below(x) - below(y)) ** 2 * jnp.diff(both)).sum()


def rows() -> list[Row]:
  """Returns the claims."""
  x, y = samples()
  integral = cramer(x, y)
  energy = mmd.energy_distance(x[:, None], y[:, None], unbiased=False)
  squared = mmd.mmd2(mmd.distance_induced(), x[:, None], y[:, None], unbiased=False)
  what = 'energy distance, to twice the integral of (F - G)²'
  half = 'MMD² of the distance, to half the energy distance'
  return [
    Row(what, 'mmd.energy_distance', energy, 2 * integral, 1e-4),
    Row(half, 'mmd.distance_induced', squared, energy / 2, 1e-4),
  ]
