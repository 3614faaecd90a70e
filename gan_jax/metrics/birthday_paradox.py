"""The birthday paradox test: an estimate of how many different samples a generator can make.

A batch of about 1.18 sqrt(N) draws from N equally likely items contains a duplicate with probability
1/2. A few thousand samples can therefore reveal a support of a million. Two samples count as
duplicates if their distance is below a threshold. The authors of the test inspected the closest pairs
by eye. Pixel distances favor simple images: the closest pairs of real digits are all ones.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation
from gan_jax.metrics.distances import Distances, Tile, first_copies


class Support(NamedTuple):
  """An estimate of the support size of a distribution.

  Attributes:
    collisions: number of duplicate pairs, of n (n - 1) / 2.
    size: number of equally likely items with the same collision rate; at least 1, and infinite without
      a collision.
    at_least: lower bound of the size with 95 % confidence. Without a collision it is about a third of
      the number of pairs.
    batch: smallest number of draws from `size` equally likely items that contains a duplicate with a
      probability of 1/2 or more; infinite without a collision.
  """

  collisions: int
  size: float
  at_least: float
  batch: float


def support(samples: jax.typing.ArrayLike, threshold: float) -> Support:
  """Returns an estimate of the support size of a distribution from collisions among its samples.

  Two draws are equal with probability sum p_i^2. The fraction of colliding pairs is an unbiased
  estimate of it, with a relative error of 1 / sqrt(collisions) if all p_i are equal. Its inverse is the
  support size if all p_i are equal, and smaller otherwise: rare items count for little.

  Args:
    samples: [n, D], n >= 2, or their features.
    threshold: two samples collide if their distance is below it; above 0, see `calibrated_threshold`.

  Raises:
    ValueError: wrong shape, NaN or infinity, or a threshold out of range.

  Source: Arora & Zhang 2017 (arXiv:1706.08224), section 2; they estimate the batch size by drawing
    batches. The bound on a count is Byar's (Breslow & Day 1987, "Statistical methods in cancer
    research", volume 2, p. 69).
  """
  samples = _validation.checked('samples', samples, least=2)
  pairs = len(samples) * (len(samples) - 1) / 2
  same = collisions(samples, threshold)
  size = pairs / same if same else np.inf
  most = (same + 1) * (1 - 1 / (9 * (same + 1)) + 1.645 / (3 * np.sqrt(same + 1))) ** 3
  return Support(same, size, max(float(pairs / most), 1.0), even_batch(size))


def probability(size: float, draws: int) -> float:
  """Returns the probability of a duplicate, 1 - prod_(i < draws) (1 - i / size).

  Args:
    size: number of equally likely items, at least 1; may be fractional or infinite.
    draws: number of draws, at least 1.
  """
  taken = np.arange(draws) / size
  return float(-np.expm1(np.log1p(-taken).sum())) if taken[-1] < 1 else 1.0


def even_batch(size: float) -> float:
  """Returns the smallest number of draws with a `probability` of 1/2 or more.

  It is infinite if the size is infinite.
  """
  if np.isinf(size):
    return np.inf
  # The solution of exp(-s (s - 1) / (2 size)) = 1/2, which is at most 2 off.
  near = int(0.5 + np.sqrt(0.25 + 2 * np.log(2) * size))
  return float(next(s for s in range(max(near - 2, 1), near + 3) if probability(size, s) >= 0.5))


def calibrated_threshold(real: jax.typing.ArrayLike, *, size: float = 100_000) -> float:
  """Returns the threshold at which real examples have an estimated support of `size`.

  Samples with a smaller support at that threshold repeat themselves more often than real data does. The
  threshold is a quantile of the distances of all pairs of distinct real examples. Exactly
  k = n (n - 1) / (2 size), rounded down, are smaller; the threshold is the next one. A duplicated
  example counts once. The number of examples changes only the error, which is 1 / sqrt(k) of the size.

  Args:
    real: [n, D], with n large enough for k >= 1. A size of 100,000 needs 448 examples; 5,000 give k
      124.
    size: the support size that real data are defined to have.

  Returns:
    The distance, above 0.

  Raises:
    ValueError: wrong shape, NaN or infinity, or too few real examples.
  """
  real = _validation.checked('real examples', real, least=2)
  real = real[first_copies(real, 1)]
  nearer = int(len(real) * (len(real) - 1) / (2 * size))
  if nearer < 1:
    raise ValueError(
      f'{len(real)} distinct real examples are too few for size={size:g}; give at least '
      f'{int(np.ceil(0.5 + np.sqrt(0.25 + 2 * size)))}, or lower the size'
    )
  return float(closest_pairs(real, nearer + 1)[1][-1])


def closest_pairs(samples: jax.typing.ArrayLike, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
  """Returns the most similar pairs of samples, for inspection by eye.

  Args:
    samples: [n, D], n >= 2.
    count: number of pairs, at least 1; the authors of the test inspected 20.

  Returns:
    Indices, int [K, 2], and distances, float64 [K]. The closest pair comes first, and in each pair the
    lower index. K is the smaller of `count` and n (n - 1) / 2.

  Raises:
    ValueError: wrong shape, NaN or infinity, or a count below 1.
  """
  samples = _validation.checked('samples', samples, least=2)
  if count < 1:
    raise ValueError(f'count={count}: too small (at least 1)')
  # These copies already make `count` pairs at distance 0; further ones add nothing.
  indices = first_copies(samples, count + 1)
  pairs, dists, limit = np.empty((0, 2), int), np.empty(0), np.inf
  for tile in _tiles(samples[indices]):
    limit = min(limit, _bound_of_closest(tile, count))
    row, column = np.nonzero(~(tile.lower > limit) & (tile.lower < np.inf))
    candidates = np.stack([row + tile.rows.start, column + tile.columns.start], axis=1)
    pairs = np.concatenate([pairs, candidates])
    dists = np.concatenate([dists, tile.exact(row, column)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], dists))[:count]
    pairs, dists = pairs[order], dists[order]
  return indices[pairs], dists


def _bound_of_closest(tile: Tile, count: int) -> float:
  """Returns an upper bound of the `count`-th smallest squared distance; infinite for fewer pairs."""
  if tile.lower.size < count:
    return np.inf
  return float(tile.upper.flat[np.argpartition(tile.lower, count - 1, axis=None)[:count]].max())


def collisions(samples: jax.typing.ArrayLike, threshold: float) -> int:
  """Returns the number of pairs of samples [n, D] whose distance is below the threshold.

  Raises:
    ValueError: wrong shape, NaN or infinity, or a threshold that is not positive and finite.
  """
  samples = _validation.checked('samples', samples)
  if not 0 < threshold < np.inf:
    raise ValueError(f'threshold={threshold}: out of range (above 0 and finite)')
  return sum(int(tile.below(threshold).sum()) for tile in _tiles(samples))


def _tiles(samples: np.ndarray) -> Iterator[Tile]:
  """Yields all pairs of samples; bounds are infinite unless the second sample comes later."""
  for tile in Distances(samples, samples).tiles():
    rows = np.arange(tile.rows.start, tile.rows.stop)
    columns = np.arange(tile.columns.start, tile.columns.stop)
    earlier = np.greater_equal.outer(rows, columns)
    if not earlier.all():
      tile.lower[earlier] = tile.upper[earlier] = np.inf
      yield tile
