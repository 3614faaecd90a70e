"""Whether samples repeat training examples: nearest neighbours, and what their distances say.

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
  """How near samples are to training examples, beside how near other real examples are.

  Attributes:
    copied: share of samples nearer than the threshold, in [0, 1]: 1 of a copier, about `expected` of an
      honest generator.
    expected: the probability that a new real example is so near, which is `share` unless examples are
      there twice or too few.
    median_ratio: median distance of samples over that of real ones: 1 if honest, 0 if most are copies.
    nearer: probability that a sample is nearer than a real example, ties for one half: 1/2 if honest,
      1 if all are copies.
    z: Z_U of the paper: deviations of the rank sum from its mean, far below 0 of copies, far above of
      samples that are like no example. Its mean is 0 and its deviation 1 if honest; without held-out
      examples the deviation was 0.9 to 1 in simulations.
  """

  copied: float
  expected: float
  median_ratio: float
  nearer: float
  z: float


def leave_one_out(examples: jax.typing.ArrayLike) -> np.ndarray:
  """How far each is from the nearest other, [N, D] -> float64 [N], N >= 2; 0 if it is there twice."""
  return _others(_validation.checked('examples', examples, least=2))[1]


def _others(examples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The place of the nearest other of each [N, D], and its distance, [N] both."""
  places, apart = nearest(examples, examples, 2)
  # One of the two is the example itself, or both are equal to it.
  others = np.where(places[:, 0] == np.arange(len(places)), places[:, 1], places[:, 0])
  return others, apart[:, 1]


def _connected(others: np.ndarray) -> np.ndarray:
  """To which group each belongs, int [N], if each is in that of its nearest other [N]."""
  count = len(others)
  links = sparse.coo_array((np.ones(count), (np.arange(count), others)), shape=(count, count))
  return csgraph.connected_components(links, directed=False)[1]


def memorization(
  fake: jax.typing.ArrayLike,
  train: jax.typing.ArrayLike,
  *,
  held_out: jax.typing.ArrayLike | None = None,
  share: float = 0.01,
) -> Memorization:
  """Whether samples are nearer to training examples than other real examples are.

  The distance of each sample from the nearest training example is compared with that of real examples:
  of held-out ones, or where there are none, of each training example from the nearest other. A distance
  alone says nothing: common examples are near to others, rare ones are far.

  `nearer` and `z` are a test of all distances together (Meehan et al.; Mann & Whitney 1947). It assumes
  nothing of their distribution and its null value is known, but a few copies among many samples that
  are too far away escape it: those show in `copied`.

  Held-out examples are the better choice. Without them distances depend on each other: two examples
  that are each other's nearest have the same one. The threshold counts such a pair as one value of two
  examples. The deviation in `z` treats examples that nearest neighbors connect as one group.

  An example that is there twice is at the distance 0. The threshold and the median of real distances
  are those of the distances above 0, so that even then a copy is nearer than the threshold.

  Args:
    fake: [N, D], samples or their features.
    train: [M, D], all that was trained on: copies of what is left out are not found.
    held_out: [L, D], real examples that were not trained on.
    share: of new real examples that are to be nearer than the threshold, in (0, 1). Without held-out
      examples it takes 2 / share training examples; with half as many `expected` is twice the share.

  Raises:
    ValueError: wrong shapes, NaN or infinity, or too few different real examples for such a share.

  Source: Meehan et al. 2020 (arXiv:2004.05675), section 3, of one cell; `copied`, and
    the groups in `z`, are our own.
  """
  fake, train = (
    _validation.checked('samples', fake),
    _validation.checked('training examples', train, least=2),
  )
  if held_out is None:
    others, real = _others(train)
    groups = _connected(others)
  else:
    real = nearest(held_out, train)[1][:, 0]
    groups = np.arange(len(real))
  apart, different = nearest(fake, train)[1][:, 0], real[real > 0]
  threshold, below = _tail(different, share)
  copied, expected = (apart < threshold).mean(), 1 - (1 - below) * len(different) / len(real)
  ratio = float(np.median(apart) / np.median(different))
  return Memorization(float(copied), float(expected), ratio, *_rank_sum(apart, real, groups))


def _tail(apart: np.ndarray, share: float) -> tuple[float, float]:
  """The distance below which a new one lies with a probability of `share`, and that probability.

  It is higher if not even the least of [N] distances has one so low.
  """
  if not 0 < share < 1:
    raise ValueError(f'share is {share}; it must be between 0 and 1')
  least = int(np.ceil(round(1 / share - 1, 6)))
  if len(apart) < least:
    raise ValueError(
      f'{len(apart)} real examples are at a distance above 0, too few to find the nearest share of '
      f'{share}; give at least {least} that differ, or raise the share'
    )
  # A new distance is below the k-th of n with a probability of k / (n + 1), whatever the distribution;
  # of two that are one value, k is the later one.
  values, counts = np.unique(apart, return_counts=True)
  below = np.cumsum(counts) / (len(apart) + 1)
  return float(np.interp(share, below, values)), float(np.clip(share, below[0], below[-1]))


def _rank_sum(apart: np.ndarray, real: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
  """`nearer` and `z`, where real distances of one group depend on each other."""
  m, n = len(apart), len(real)
  in_order = np.sort(real)
  below, upto = (np.searchsorted(in_order, apart, side).sum() for side in ('left', 'right'))
  farther = (below + upto) / 2
  # How many times the variance of independent ones the sum of n ranks has; few groups show too little.
  ranks = stats.rankdata(real) - (n + 1) / 2
  squares = (ranks**2).sum()
  inflation = max(1.0, (np.bincount(groups, ranks) ** 2).sum() / squares) if squares else 1.0
  deviation = np.sqrt(m * n * (m * inflation + n + 1) / 12)
  return float(1 - farther / (m * n)), float((farther - m * n / 2) / deviation)
