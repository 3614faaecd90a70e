"""A test of whether samples repeat training examples, from distances to nearest neighbors.

All distances are Euclidean, see `distances`.
"""

from typing import NamedTuple

import jax
import numpy as np
from scipy import sparse, stats
from scipy.sparse import csgraph

from gan_jax.metrics import _validation
from gan_jax.metrics.distances import nearest


class Memorization(NamedTuple):
  """The distances of samples to training examples, compared with those of other real examples.

  Attributes:
    copied: fraction of samples nearer than the threshold, in [0, 1]: 1 for a generator that copies,
      about `expected` for one that does not.
    expected: probability that a new real example is nearer than the threshold. It equals `fraction`
      unless examples are duplicated or too few.
    median_ratio: median distance of samples over that of real ones: 1 without memorization, 0 if most
      samples are copies.
    nearer: probability that a sample is nearer than a real example, where a tie counts as one half: 1/2
      without memorization, 1 if all samples are copies.
    z: Z_U of the paper: the rank sum minus its mean, in standard deviations. It is far below 0 for
      copies, and far above 0 for samples that resemble no example. Without memorization its mean is 0
      and its standard deviation 1; without held-out examples simulations gave 0.9 to 1.
  """

  copied: float
  expected: float
  median_ratio: float
  nearer: float
  z: float


def leave_one_out(examples: jax.typing.ArrayLike) -> np.ndarray:
  """Returns the distance of each example from the nearest other, [N, D] -> float64 [N].

  The distance of a duplicate is 0. N is at least 2.
  """
  return _others(_validation.checked('examples', examples, least=2))[1]


def _others(examples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns the index of the nearest other of each example [N, D], and its distance, both [N]."""
  indices, dists = nearest(examples, examples, 2)
  # One of the two is the example itself, or both are equal to it.
  others = np.where(indices[:, 0] == np.arange(len(indices)), indices[:, 1], indices[:, 0])
  return others, dists[:, 1]


def _connected(others: np.ndarray) -> np.ndarray:
  """Returns the group of each example, int [N]; each is in the group of its nearest other [N]."""
  count = len(others)
  links = sparse.coo_array((np.ones(count), (np.arange(count), others)), shape=(count, count))
  return csgraph.connected_components(links, directed=False)[1]


def memorization(
  fake: jax.typing.ArrayLike,
  train: jax.typing.ArrayLike,
  *,
  held_out: jax.typing.ArrayLike | None = None,
  fraction: float = 0.01,
) -> Memorization:
  """Compares the distances of samples and of real examples from the nearest training example.

  The distance of each sample from the nearest training example is compared with that of real examples.
  These are held-out examples if given. Otherwise they are the training examples, each with its distance
  from the nearest other. An absolute distance means little: common examples are near to others, rare
  ones are far.

  `nearer` and `z` test all distances together (Meehan et al.; Mann & Whitney 1947). The test assumes
  nothing about their distribution, and its null value is known. It misses a few copies among many
  samples that are too far away: those show in `copied`.

  Held-out examples are the better choice. Without them the distances are dependent: two examples that
  are each other's nearest have the same distance. The threshold counts such a pair as one value of two
  examples. The standard deviation in `z` treats examples that nearest neighbors connect as one group.

  The distance of a duplicated example is 0. The threshold and the median of real distances use only
  distances above 0. A copy is therefore below the threshold even among duplicates.

  Args:
    fake: [N, D], samples or their features.
    train: [M, D], all training examples: copies of missing ones are not detected.
    held_out: [L, D], real examples that were not trained on.
    fraction: fraction of new real examples that should be nearer than the threshold, in (0, 1). Without
      held-out examples it needs 2 / fraction training examples; with half as many, `expected` is twice
      the fraction.

  Raises:
    ValueError: wrong shapes, NaN or infinity, or too few distinct real examples for the fraction.

  Source: Meehan et al. 2020 (arXiv:2004.05675), section 3, with one cell. `copied`, and the groups in
    `z`, are additions of this package.
  """
  fake = _validation.checked('samples', fake)
  train = _validation.checked('training examples', train, least=2)
  if held_out is None:
    others, real = _others(train)
    groups = _connected(others)
  else:
    real = nearest(held_out, train)[1][:, 0]
    groups = np.arange(len(real))
  dists = nearest(fake, train)[1][:, 0]
  positive = real[real > 0]
  threshold, below = _tail(positive, fraction)
  copied = float((dists < threshold).mean())
  expected = float(1 - (1 - below) * len(positive) / len(real))
  ratio = float(np.median(dists) / np.median(positive))
  return Memorization(copied, expected, ratio, *_rank_sum(dists, real, groups))


def _tail(dists: np.ndarray, fraction: float) -> tuple[float, float]:
  """Returns the distance below which a new one lies with probability `fraction`, and that probability.

  The probability is higher if even the smallest of the distances [N] has a higher one.
  """
  if not 0 < fraction < 1:
    raise ValueError(f'fraction={fraction}: out of range (between 0 and 1)')
  least = int(np.ceil(round(1 / fraction - 1, 6)))
  if len(dists) < least:
    raise ValueError(
      f'{len(dists)} real examples have a distance above 0, too few for fraction={fraction}; '
      f'give at least {least} distinct ones, or raise the fraction'
    )
  # A new distance is below the k-th of n with a probability of k / (n + 1), whatever the distribution.
  # For equal values k is the last of them.
  values, counts = np.unique(dists, return_counts=True)
  below = np.cumsum(counts) / (len(dists) + 1)
  return float(np.interp(fraction, below, values)), float(np.clip(fraction, below[0], below[-1]))


def _rank_sum(dists: np.ndarray, real: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
  """Returns `nearer` and `z`, where real distances of one group depend on each other."""
  m, n = len(dists), len(real)
  in_order = np.sort(real)
  below = np.searchsorted(in_order, dists, 'left').sum()
  up_to = np.searchsorted(in_order, dists, 'right').sum()
  farther = (below + up_to) / 2
  # The variance of the sum of n ranks over that of independent ones. Few groups underestimate it.
  ranks = stats.rankdata(real) - (n + 1) / 2
  squares = (ranks**2).sum()
  inflation = max(1.0, (np.bincount(groups, ranks) ** 2).sum() / squares) if squares else 1.0
  std = np.sqrt(m * n * (m * inflation + n + 1) / 12)
  return float(1 - farther / (m * n)), float((farther - m * n / 2) / std)
