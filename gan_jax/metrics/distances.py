"""Euclidean distances of vectors on the host: exact, and nearly as fast as a matrix product.

|x|^2 + |y|^2 - 2 x.y is one matrix product, but it cancels for close vectors far from the origin. It
only bounds the squared distance here. Where the bounds leave a comparison undecided, the distance is
computed from the difference of the two vectors. Few pairs need that, unless vectors lie in clusters of
less than 1e-6 of their distance from the median vector.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation

TILE = 2048
"""Vectors of either set that are compared at a time, which takes about 100 MB."""

_VALUES = 2**21
_ROWS = 256


class Distances:
  """The distances between two sets of vectors.

  Args:
    x: float64 [N, D].
    y: float64 [M, D].
  """

  def __init__(self, x: np.ndarray, y: np.ndarray):
    self.x = x
    self.y = y
    # The same center is subtracted from both sets. A few outliers do not move a median.
    center = np.median(y[:: -(-len(y) // _ROWS)], axis=0)
    self._y = y - center
    self._x = self._y if x is y else x - center
    self._squares = [np.einsum('nd,nd->n', z, z) for z in (self._x, self._y)]

  def tile(self, rows: slice, columns: slice) -> 'Tile':
    """Returns bounds for some rows of x and some of y."""
    squares_x, squares_y = self._squares[0][rows, None], self._squares[1][columns]
    # Products, squares and distances from differences have at most (D + 8) / 2 roundings each.
    error = 2 * (self.x.shape[1] + 8) * np.finfo(np.float64).eps
    lower = self._x[rows] @ self._y[columns].T
    lower *= -2
    lower += (1 - error) * squares_x
    lower += (1 - error) * squares_y
    upper = lower + 2 * error * squares_x
    upper += 2 * error * squares_y
    return Tile(self, rows, columns, lower, upper)

  def tiles(self) -> Iterator['Tile']:
    """Yields the bounds of all pairs, one tile at a time."""
    for rows in chunks(len(self.x)):
      for columns in chunks(len(self.y)):
        yield self.tile(rows, columns)

  def exact(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Returns the distances [K] of x[i] from y[j] for indices [K]; exactly 0 for equal vectors."""
    size = max(1, _VALUES // self.x.shape[1])
    dists = [
      np.linalg.norm(self.x[i[first : first + size]] - self.y[j[first : first + size]], axis=1)
      for first in range(0, len(i), size)
    ]
    return np.concatenate([np.empty(0), *dists])


class Tile(NamedTuple):
  """Bounds for the squared distances of some pairs.

  Attributes:
    distances: the two sets.
    rows: the rows of the first set.
    columns: the rows of the second set.
    lower: float64 [B, C]; may be negative.
    upper: float64 [B, C].
  """

  distances: Distances
  rows: slice
  columns: slice
  lower: np.ndarray
  upper: np.ndarray

  def exact(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Returns the exact distances [K] of the pairs at these indices [K] of the tile."""
    return self.distances.exact(row + self.rows.start, column + self.columns.start)

  def below(self, radius: np.ndarray | float) -> np.ndarray:
    """Returns whether each distance is less than a radius, a scalar or [B, 1] or [C]; bool [B, C]."""
    square = np.square(radius)
    is_below = self.upper < square
    # NaN, where a square overflows, is undecided too.
    row, column = np.nonzero(~(is_below | (self.lower > square)))
    radius = np.broadcast_to(radius, is_below.shape)[row, column]
    is_below[row, column] = self.exact(row, column) < radius
    return is_below


def chunks(count: int) -> list[slice]:
  """Returns slices of at most `TILE` indices that cover the indices below `count`."""
  return [slice(first, min(first + TILE, count)) for first in range(0, count, TILE)]


def first_copies(vectors: np.ndarray, count: int) -> np.ndarray:
  """Returns the indices of vectors [N, D], in order, with at most `count` of those that are equal."""
  copies, indices = {}, []
  # Vectors are compared by their bytes. Adding 0.0 turns -0.0 into 0.0, which has other bytes.
  for index, row in enumerate(vectors + 0.0):
    key = row.tobytes()
    copies[key] = copies.get(key, 0) + 1
    if copies[key] <= count:
      indices.append(index)
  return np.array(indices, int)


def nearest(
  queries: jax.typing.ArrayLike, bank: jax.typing.ArrayLike, k: int = 1
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the k nearest vectors of a bank to each query, the nearest first; the first wins a tie.

  Distances are computed from differences in float64, wherever the sets lie.

  Args:
    queries: [N, D].
    bank: [M, D].
    k: in [1, M].

  Returns:
    Indices into the bank, int [N, k], and distances, float64 [N, k], exactly 0 for equal vectors.

  Raises:
    ValueError: wrong shapes, NaN or infinity, or k out of range.
  """
  queries = _validation.checked('queries', queries)
  bank = _validation.checked('examples of the bank', bank)
  if queries.shape[1] != bank.shape[1]:
    raise ValueError(
      f'queries have {queries.shape[1]} dimensions and the bank {bank.shape[1]}; use the same features'
    )
  if not 1 <= k <= len(bank):
    raise ValueError(f'k={k}: out of range (1 to {len(bank)}, the size of the bank)')
  # More than k copies are never among the k nearest, and no bound would distinguish them.
  indices = first_copies(bank, k)
  distances = Distances(queries, bank if len(indices) == len(bank) else bank[indices])
  nearest_of_chunks = [_nearest(distances, rows, k) for rows in chunks(len(queries))]
  columns, dists = zip(*nearest_of_chunks, strict=True)
  return indices[np.concatenate(columns)], np.concatenate(dists)


def _nearest(distances: Distances, rows: slice, k: int) -> tuple[np.ndarray, np.ndarray]:
  count = rows.stop - rows.start
  limit = np.full(count, np.inf)
  best = np.empty(0, int), np.empty(0, int), np.empty(0)
  for columns in chunks(len(distances.y)):
    tile = distances.tile(rows, columns)
    limit = np.minimum(limit, _bound_of_nearest(tile, k))
    row, column = np.nonzero(~(tile.lower > limit[:, None]))
    new = row, column + columns.start, tile.exact(row, column)
    best = _first(k, count, *map(np.concatenate, zip(best, new, strict=True)))
  _, indices, dists = best
  return indices.reshape(count, k), dists.reshape(count, k)


def _bound_of_nearest(tile: Tile, k: int) -> np.ndarray | float:
  """Returns an upper bound [B] of the squared distance of a row's k-th nearest; infinite for fewer."""
  if tile.lower.shape[1] < k:
    return np.inf
  some = np.argpartition(tile.lower, k - 1, axis=1)[:, :k]
  return np.take_along_axis(tile.upper, some, axis=1).max(axis=1)


def _first(
  k: int, count: int, row: np.ndarray, index: np.ndarray, dists: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Returns the k nearest pairs of each of `count` rows, in order."""
  order = np.lexsort((index, dists, row))
  row, index, dists = row[order], index[order], dists[order]
  starts = np.searchsorted(row, np.arange(count))
  is_first = np.arange(len(row)) - starts[row] < k
  return row[is_first], index[is_first], dists[is_first]
