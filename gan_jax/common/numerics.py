"""Numbers: which are in a range, and functions whose gradients stay finite."""

import math
import numbers
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def is_real(value: Any) -> bool:
  """Whether a value is a real number, or an array of them; True and False are none."""
  return isinstance(value, numbers.Real | jax.Array) and not isinstance(value, bool)


def is_within(value: Any, least: float = 0, below: float = math.inf) -> bool:
  """Whether a hyperparameter is a number of at least `least` and less than `below`; NaN is none.

  In a program for many runs it may be one that differs between them, and is known only when the
  program runs; each was checked when its run was planned.
  """
  if isinstance(value, jax.core.Tracer):
    return True
  return is_real(value) and bool(least <= value < below)


def is_positive(value: Any) -> bool:
  """Whether a hyperparameter is a finite number above 0, see `is_within`."""
  return is_within(value, least=math.ulp(0.0))


def check_finite(name: str, value: Any, least: float = -sys.float_info.max) -> None:
  """Raises ValueError, naming the argument, unless it is a finite number of at least `least`."""
  if not is_within(value, least):
    bound = '' if least == -sys.float_info.max else f' of at least {least:g}'
    raise ValueError(f'{name}={value!r}: out of range (a finite number{bound}); change {name}')


def inexact(*arrays: jax.typing.ArrayLike) -> tuple[jax.Array, ...]:
  """Converts arrays to the floating type that they have in common.

  Integers and booleans become the default floating type. Two uint8 would wrap around, and squares of
  int32 would overflow. Floating arrays keep their type.
  """
  dtype = jnp.result_type(*arrays, 0.0)
  return tuple(jnp.asarray(array, dtype) for array in arrays)


def root(x: jax.Array) -> jax.Array:
  """The square root of x >= 0, any shape; at 0 its gradient is 0, not infinite.

  It is NaN where x is NaN or negative.
  """
  zero = x == 0
  return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def scale_for_squares(largest: jax.Array) -> jax.Array:
  """A power of two by which to multiply numbers before they are squared and added up.

  It is 1 unless squares would overflow or vanish, so that ordinary values are the same to the bit.
  In float32 it is 1 for `largest` from 2^-52 to 2^52.

  Args:
    largest: the largest absolute value of the numbers, any shape; no gradient goes through it.
  """
  largest = lax.stop_gradient(largest)
  half = jnp.finfo(largest.dtype).maxexp // 2
  margin = half // 5
  up, down = (jnp.array(2.0 ** (sign * (half + margin)), largest.dtype) for sign in (1, -1))
  ordinary = jnp.where(largest < 2.0 ** (margin - half), up, jnp.ones_like(largest))
  return jnp.where(largest > 2.0 ** (half - margin), down, ordinary)


def length(x: jax.Array | np.ndarray, axis: int = -1, keepdims: bool = False) -> jax.Array:
  """The Euclidean norm along an axis; at 0 its gradient is 0, not NaN.

  It is finite and positive wherever the norm is a positive number of the type: no square overflows or
  vanishes.
  """
  largest = jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=0)
  scale = scale_for_squares(largest)
  found = root(((x * scale) ** 2).sum(axis=axis, keepdims=True)) / scale
  return found if keepdims else found.squeeze(axis)
