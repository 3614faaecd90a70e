"""Means over the parts of a batch, computed one part after the other to save memory."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.common.types import PyTree
from gan_jax.game import Inputs


def mean(
  function: Callable[[Inputs], tuple[PyTree, PyTree]], inputs: Inputs, count: int
) -> tuple[PyTree, PyTree]:
  """Returns the mean of a function of a loss's inputs over `count` equal parts of their examples.

  Part p has the examples p, p + count, p + 2 count, ... of this device. They are the examples whose
  row in the global batch is p modulo `count`, so a part is the same on any number of devices. An
  example keeps its key.

  Args:
    function: inputs [b / count] -> (a tree, e.g. of a loss and its gradient; a tree of arrays
      [b / count, ...] of the examples).
    inputs: of all examples [b] of a device.
    count: a divisor of b; 1 for the whole batch, without a loop.

  Returns:
    The mean of the first tree; leaves that are not floating-point numbers are those of the last part.
    And the second tree, [b, ...], in the order of the inputs.
  """
  if count == 1:
    return function(inputs)

  def part(index: jax.Array) -> tuple[PyTree, PyTree]:
    pick = lambda x: x.reshape(-1, count, *x.shape[1:])[:, index]
    batch = jax.tree.map(pick, inputs.batch)
    return function(dataclasses.replace(inputs, batch=batch, key=pick(inputs.key)))

  def add(total: jax.Array, value: jax.Array) -> jax.Array:
    return total + value if jnp.issubdtype(value.dtype, jnp.floating) else value

  def body(total: PyTree, index: jax.Array) -> tuple[PyTree, PyTree]:
    value, rows = part(index)
    return jax.tree.map(add, total, value), rows

  shapes, _ = jax.eval_shape(part, jnp.int32(0))
  zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
  total, rows = jax.lax.scan(body, zeros, jnp.arange(count))
  divide = lambda x: x / count if jnp.issubdtype(x.dtype, jnp.floating) else x
  interleave = lambda x: jnp.moveaxis(x, 0, 1).reshape(-1, *x.shape[2:])
  return jax.tree.map(divide, total), jax.tree.map(interleave, rows)
