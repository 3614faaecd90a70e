"""Numbers: which are in a range, and functions whose gradients stay finite."""

import math
from typing import Any

import chex
import jax
import jax.numpy as jnp


def is_within(value: Any, least: float = 0, below: float = math.inf) -> bool:
  """Whether a hyperparameter is a number of at least `least` and less than `below`.

  In a program for many runs it may be one that differs between them, and is known only when the
  program runs; each was checked when its run was planned.
  """
  if isinstance(value, jax.core.Tracer):
    return True
  number = isinstance(value, int | float) and not isinstance(value, bool)
  return number and least <= value < below


def root(x: chex.Array) -> chex.Array:
  """The square root of x >= 0, any shape; at 0 its gradient is 0, not infinite."""
  some = x > 0
  return jnp.where(some, jnp.sqrt(jnp.where(some, x, 1)), 0)
