"""Checks of hyperparameters, and functions whose gradients stay finite."""

import math
import numbers
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def is_real(value: Any) -> bool:
  """Returns whether a value is a real number or an array of them; True and False are not."""
  return isinstance(value, numbers.Real | jax.Array) and not isinstance(value, bool)


def is_traced(value: Any) -> bool:
  """Returns whether a value is an input of a program that JAX is tracing, so that no check can read it.

  Checks of hyperparameters accept traced values. A study may trace one program for runs that differ in
  a number, and a schedule gives a number that depends on the step. Before tracing, both check concrete
  numbers.
  """
  return isinstance(value, jax.core.Tracer)


def is_within(value: Any, least: float = 0, below: float = math.inf) -> bool:
  """Returns whether a hyperparameter is a number in [least, below); NaN is not.

  Traced values are accepted, see `is_traced`.
  """
  if is_traced(value):
    return True
  return is_real(value) and bool(least <= value < below)


def is_between(value: Any, least: float, largest: float) -> bool:
  """Returns whether a hyperparameter is a number in [least, largest], see `is_within`."""
  return is_traced(value) or (is_real(value) and bool(least <= value <= largest))


def is_positive(value: Any) -> bool:
  """Returns whether a hyperparameter is a finite number above 0, see `is_within`."""
  return is_within(value, least=math.ulp(0.0))


def check_finite(name: str, value: Any, least: float = -sys.float_info.max) -> None:
  """Raises ValueError, naming the argument, unless it is a finite number of at least `least`."""
  if not is_within(value, least):
    bound = '' if least == -sys.float_info.max else f' of at least {least:g}'
    raise ValueError(f'{name}={value!r}: out of range (a finite number{bound}); change {name}')


def inexact(*arrays: jax.typing.ArrayLike) -> tuple[jax.Array, ...]:
  """Converts arrays to their common floating type.

  Integers and booleans become the default floating type: differences of uint8 would wrap around, and
  squares of int32 would overflow. Floating arrays keep their type.
  """
  dtype = jnp.result_type(*arrays, 0.0)
  return tuple(jnp.asarray(array, dtype) for array in arrays)


def root(x: jax.Array) -> jax.Array:
  """The square root of x >= 0, any shape; its gradient at 0 is 0, not infinite.

  The root is NaN where x is NaN or negative.
  """
  zero = x == 0
  return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def scale_for_squares(largest: jax.Array) -> jax.Array:
  """A power of two that brings numbers into the range in which their squares are finite and not 0.

  The factor is 1 unless squares would overflow or vanish, so ordinary values stay the same to the bit.
  In float32 the factor is 1 for `largest` from 2^-52 to 2^52.

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
  """The Euclidean norm along an axis; its gradient at 0 is 0, not NaN.

  The result is finite and positive wherever the norm is a positive number of the type, because no
  square overflows or vanishes.
  """
  largest = jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=0)
  scale = scale_for_squares(largest)
  norm = root(((x * scale) ** 2).sum(axis=axis, keepdims=True)) / scale
  return norm if keepdims else norm.squeeze(axis)
