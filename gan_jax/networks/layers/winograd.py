"""Parts that the forms of Winograd's algorithm share."""

from collections.abc import Callable, Sequence

import jax
from jax import lax

FEW_CHANNELS = 8
"""Number of channels up to which the algorithm costs more than it saves."""

Grid = list[list[jax.Array]]
"""One array for each product m_ij, as grid[i][j]."""


def rows(x: jax.Array) -> jax.Array:
  """Joins all axes but the last, [..., C] -> [M, C]."""
  return x.reshape(-1, x.shape[-1])


def matmul(x: jax.Array, matrix: jax.Array) -> jax.Array:
  """Multiplies the last axis of x [N, h, w, C] by a matrix [C, D], as one matrix product."""
  return (rows(x) @ matrix).reshape(*x.shape[:3], matrix.shape[1])


def grid(size: int, entry: Callable[[int, int], jax.Array]) -> Grid:
  """Returns the grid [size, size] of `entry(i, j)`."""
  return [[entry(i, j) for j in range(size)] for i in range(size)]


def along_both_axes(
  entries: Sequence[Sequence[jax.Array]], transform: Callable[..., Sequence[jax.Array]]
) -> Grid:
  """Transforms the entries of every row of a grid, then those of every column of the result."""
  columns = zip(*(transform(*row) for row in entries), strict=True)
  return [list(row) for row in zip(*(transform(*column) for column in columns), strict=True)]


def materialize(x: jax.Array) -> jax.Array:
  """Returns x in a form that XLA:CPU computes once, instead of again in every product.

  An optimization_barrier does not prevent the recomputation, but a factor of 1 that XLA cannot simplify
  does. The first pixel is padding, so it is finite. A batch of no images has no pixel, and a sum of 0.
  """
  return x / (1 + 0 * lax.stop_gradient(x.ravel()[:1].sum()))
