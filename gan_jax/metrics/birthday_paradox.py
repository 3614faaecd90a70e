"""The birthday paradox as a test of how many different samples a generator can make.

Of N equally likely things, a batch of about 1.18 sqrt(N) has two that are the same with a probability
of 1/2, so that a few thousand samples tell of a support of a million. A distance says what counts as
the same; the closest pairs are for a person to look at, as the authors of the test did. Distances of
pixels favour what is plain: the closest of real digits are all ones.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation
from gan_jax.metrics.distances import Distances, Tile, first_copies


class Support(NamedTuple):
  """Of how many different things a distribution seems to be.

  Attributes:
    collisions: pairs that are the same, of n (n - 1) / 2.
    size: how many equally likely things repeat as often; at least 1, infinite without a collision.
    at_least: the lower end of the size with 95 % confidence, also without a collision: then about a
      third of the number of pairs.
    batch: the smallest number of draws from so many equally likely things among which two are the same
      with a probability of 1/2 or more; infinite without a collision.
  """

  collisions: int
  size: float
  at_least: float
  batch: float


def support(samples: jax.typing.ArrayLike, threshold: float) -> Support:
  """The support size of a distribution, from how many pairs of its samples are the same.

  Two samples are the same with the probability sum p_i^2, of which the share of pairs that are is an
  unbiased estimate, with a relative error of 1 / sqrt(collisions) if all p_i are equal. Its inverse is
  the support size if they are, and less if not: things that are hardly ever drawn count for little.

  Args:
    samples: [n, D], n >= 2, or their features.
    threshold: two are the same if nearer than this; above 0, see `calibrated_threshold`.

  Raises:
    ValueError: wrong shape, NaN or infinity, or no such threshold.

  Source: Arora & Zhang 2017 (arXiv:1706.08224), section 2; they find the batch by drawing batches. The
    bound on a count is Byar's (Breslow & Day 1987, "Statistical methods in cancer research", volume 2,
    p. 69).
  """
  samples = _validation.checked('samples', samples, least=2)
  pairs = len(samples) * (len(samples) - 1) / 2
  same = collisions(samples, threshold)
  size = pairs / same if same else np.inf
  most = (same + 1) * (1 - 1 / (9 * (same + 1)) + 1.645 / (3 * np.sqrt(same + 1))) ** 3
  return Support(same, size, max(float(pairs / most), 1.0), even_batch(size))


def probability(size: float, draws: int) -> float:
  """That two draws from equally likely things are the same, 1 - prod_(i < draws) (1 - i / size).

  Args:
    size: how many things, at least 1; not necessarily whole, and may be infinite.
    draws: at least 1.
  """
  taken = np.arange(draws) / size
  return float(-np.expm1(np.log1p(-taken).sum())) if taken[-1] < 1 else 1.0


def even_batch(size: float) -> float:
  """The smallest number of draws with a `probability` of 1/2 or more; infinite if the size is."""
  if np.isinf(size):
    return np.inf
  # The solution of exp(-s (s - 1) / (2 size)) = 1/2, which is at most 2 off.
  near = int(0.5 + np.sqrt(0.25 + 2 * np.log(2) * size))
  return float(next(s for s in range(max(near - 2, 1), near + 3) if probability(size, s) >= 0.5))


def calibrated_threshold(real: jax.typing.ArrayLike, *, size: float = 100_000) -> float:
  """The distance at which real examples seem to have a support of `size`.

  Samples that seem to have a smaller one at that distance repeat themselves more than real data. It is
  a quantile of the distances of all pairs of different real examples: k = n (n - 1) / (2 size) of them,
  rounded down, are nearer, and it is the next distance. An example that is there twice counts once. How
  many there are changes the error alone, which is 1 / sqrt(k) of the size.

  Args:
    real: [n, D], so many that k is at least 1, which for 100,000 are 448; 5,000 make k 124.
    size: the support that they are to seem to have.

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
      f'{len(real)} different real examples are too few to seem {size:g}; give at least '
      f'{int(np.ceil(0.5 + np.sqrt(0.25 + 2 * size)))}, or lower the size'
    )
  return float(closest_pairs(real, nearer + 1)[1][-1])


def closest_pairs(samples: jax.typing.ArrayLike, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
  """The pairs that are most alike, for a person to look at.

  Args:
    samples: [n, D], n >= 2.
    count: how many pairs; the authors of the test looked at 20.

  Returns:
    Places, int [K, 2], and distances, float64 [K], the closest pair first, and in each the lower place;
    K is `count`, or n (n - 1) / 2 if that is less.

  Raises:
    ValueError: wrong shape, NaN or infinity, or no such count.
  """
  samples = _validation.checked('samples', samples, least=2)
  if count < 1:
    raise ValueError(f'count is {count}; it must be at least 1')
  # These copies already make `count` pairs at distance 0; further ones add nothing.
  kept = first_copies(samples, count + 1)
  pairs, apart, limit = np.empty((0, 2), int), np.empty(0), np.inf
  for tile in _tiles(samples[kept]):
    limit = min(limit, _bound_of_closest(tile, count))
    row, column = np.nonzero(~(tile.lower > limit) & (tile.lower < np.inf))
    found = np.stack([row + tile.rows.start, column + tile.columns.start], axis=1)
    pairs, apart = np.concatenate([pairs, found]), np.concatenate([apart, tile.apart(row, column)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], apart))[:count]
    pairs, apart = pairs[order], apart[order]
  return kept[pairs], apart


def _bound_of_closest(tile: Tile, count: int) -> float:
  """Returns an upper bound of the `count`-th smallest squared distance; infinite for fewer pairs."""
  if tile.lower.size < count:
    return np.inf
  return float(tile.upper.flat[np.argpartition(tile.lower, count - 1, axis=None)[:count]].max())


def collisions(samples: jax.typing.ArrayLike, threshold: float) -> int:
  """How many pairs of samples [n, D] are nearer than the threshold, which is above 0 and finite."""
  samples = _validation.checked('samples', samples)
  if not 0 < threshold < np.inf:
    raise ValueError(f'threshold is {threshold}; it must be above 0, and finite')
  return sum(int(tile.below(threshold).sum()) for tile in _tiles(samples))


def _tiles(samples: np.ndarray) -> Iterator[Tile]:
  """All pairs of samples; infinite bounds unless the second is later."""
  for tile in Distances(samples, samples).tiles():
    places = (np.arange(part.start, part.stop) for part in (tile.rows, tile.columns))
    earlier = np.greater_equal.outer(*places)
    if not earlier.all():
      tile.lower[earlier] = tile.upper[earlier] = np.inf
      yield tile
