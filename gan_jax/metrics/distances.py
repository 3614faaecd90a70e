"""Euclidean distances of vectors on the host: exact, at nearly the speed of a product of matrices.

|x|^2 + |y|^2 - 2 x.y is one product of matrices, but it cancels for near vectors far from the origin.
Here it only bounds the squared distance. Where the bounds decide nothing, the difference of the two
vectors does. Few pairs need that, unless vectors lie in clusters of less than 1e-6 of their distance
from the median vector.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation

TILE = 2048
"""How many vectors of either set are compared at a time, which takes some 100 MB."""

_VALUES = 2**21
_ROWS = 256


class Distances:
  """Distances between two sets of vectors.

  Args:
    x: float64 [N, D].
    y: float64 [M, D].
  """

  def __init__(self, x: np.ndarray, y: np.ndarray):
    self.x = x
    self.y = y
    # One shared point goes off both. A median is not moved by a few vectors that are far away.
    center = np.median(y[:: -(-len(y) // _ROWS)], axis=0)
    self._y = y - center
    self._x = self._y if x is y else x - center
    self._squares = [np.einsum('nd,nd->n', z, z) for z in (self._x, self._y)]

  def tile(self, rows: slice, columns: slice) -> 'Tile':
    """Bounds for some rows of x and some of y."""
    squares_x, squares_y = self._squares[0][rows, None], self._squares[1][columns]
    # Products, squares and distances by differences have at most (D + 8) / 2 roundings each.
    error = 2 * (self.x.shape[1] + 8) * np.finfo(np.float64).eps
    lower = self._x[rows] @ self._y[columns].T
    lower *= -2
    lower += (1 - error) * squares_x
    lower += (1 - error) * squares_y
    upper = lower + 2 * error * squares_x
    upper += 2 * error * squares_y
    return Tile(self, rows, columns, lower, upper)

  def tiles(self) -> Iterator['Tile']:
    """All pairs, some at a time."""
    for rows in parts(len(self.x)):
      for columns in parts(len(self.y)):
        yield self.tile(rows, columns)

  def apart(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """[K] distances of x[i] from y[j], of places [K]; of equal vectors exactly 0."""
    size = max(1, _VALUES // self.x.shape[1])
    found = [
      np.linalg.norm(self.x[i[first : first + size]] - self.y[j[first : first + size]], axis=1)
      for first in range(0, len(i), size)
    ]
    return np.concatenate([np.empty(0), *found])


class Tile(NamedTuple):
  """Bounds for the squared distances of some pairs.

  Attributes:
    between: of which sets.
    rows: which rows of the first set.
    columns: which rows of the second set.
    lower: float64 [B, C]; may be negative.
    upper: float64 [B, C].
  """

  between: Distances
  rows: slice
  columns: slice
  lower: np.ndarray
  upper: np.ndarray

  def apart(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """[K] exact distances of the pairs at these places [K] of the tile."""
    return self.between.apart(row + self.rows.start, column + self.columns.start)

  def below(self, reach: np.ndarray | float) -> np.ndarray:
    """Whether each distance is less than the reach, a scalar or [B, 1] or [C] -> bool [B, C]."""
    square = np.square(reach)
    found = self.upper < square
    # NaN, where a square overflows, is undecided too.
    row, column = np.nonzero(~(found | (self.lower > square)))
    reach = np.broadcast_to(reach, found.shape)[row, column]
    found[row, column] = self.apart(row, column) < reach
    return found


def parts(count: int) -> list[slice]:
  """The places below `count`, a tile's share at a time."""
  return [slice(first, min(first + TILE, count)) for first in range(0, count, TILE)]


def first_copies(vectors: np.ndarray, count: int) -> np.ndarray:
  """The places of vectors [N, D] less those before which `count` equal ones are, in order."""
  seen, kept = {}, []
  # They are told apart by their bytes, and -0.0 has others than 0.0: hence the addition.
  for place, row in enumerate(vectors + 0.0):
    before = seen[key] = seen.get(key := row.tobytes(), 0) + 1
    if before <= count:
      kept.append(place)
  return np.array(kept, int)


def nearest(
  queries: jax.typing.ArrayLike, bank: jax.typing.ArrayLike, k: int = 1
) -> tuple[np.ndarray, np.ndarray]:
  """The k nearest of a bank to each query, the nearest first, of equally near ones the first.

  Distances are those of the differences in float64, wherever the sets are.

  Args:
    queries: [N, D].
    bank: [M, D].
    k: in [1, M].

  Returns:
    Places in the bank, int [N, k], and their distances, float64 [N, k], of equal vectors exactly 0.

  Raises:
    ValueError: wrong shapes, NaN or infinity, or no such k.
  """
  queries, bank = (
    _validation.checked('queries', queries),
    _validation.checked('examples of the bank', bank),
  )
  if queries.shape[1] != bank.shape[1]:
    raise ValueError(
      f'queries have {queries.shape[1]} dimensions and the bank {bank.shape[1]}; use the same features'
    )
  if not 1 <= k <= len(bank):
    raise ValueError(f'k is {k}; it must be from 1 to the {len(bank)} examples of the bank')
  # More than k copies are never among the k nearest, and no bound would tell them apart.
  kept = first_copies(bank, k)
  between = Distances(queries, bank if len(kept) == len(bank) else bank[kept])
  places, apart = zip(*(_nearest(between, rows, k) for rows in parts(len(queries))), strict=True)
  return kept[np.concatenate(places)], np.concatenate(apart)


def _nearest(between: Distances, rows: slice, k: int) -> tuple[np.ndarray, np.ndarray]:
  count = rows.stop - rows.start
  limit, found = np.full(count, np.inf), (np.empty(0, int), np.empty(0, int), np.empty(0))
  for columns in parts(len(between.y)):
    tile = between.tile(rows, columns)
    limit = np.minimum(limit, _bound_of_nearest(tile, k))
    row, column = np.nonzero(~(tile.lower > limit[:, None]))
    new = row, column + columns.start, tile.apart(row, column)
    found = _first(k, count, *map(np.concatenate, zip(found, new, strict=True)))
  _, places, apart = found
  return places.reshape(count, k), apart.reshape(count, k)


def _bound_of_nearest(tile: Tile, k: int) -> np.ndarray | float:
  """[B], at least the squared distance of the k-th nearest of a row; infinite if there are fewer."""
  if tile.lower.shape[1] < k:
    return np.inf
  some = np.argpartition(tile.lower, k - 1, axis=1)[:, :k]
  return np.take_along_axis(tile.upper, some, axis=1).max(axis=1)


def _first(
  k: int, count: int, row: np.ndarray, place: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Returns the k nearest pairs of each of `count` rows, in order."""
  order = np.lexsort((place, apart, row))
  row, place, apart = row[order], place[order], apart[order]
  starts = np.searchsorted(row, np.arange(count))
  kept = np.arange(len(row)) - starts[row] < k
  return row[kept], place[kept], apart[kept]
