"""Whether samples repeat training examples: nearest neighbours, and what their distances say.

All distances are Euclidean, see `distances`.
"""

from typing import NamedTuple

import chex
import numpy as np

from gan_jax.metrics import sets
from gan_jax.metrics.distances import nearest


class Memorization(NamedTuple):
  """How near samples are to training examples, beside how near other real examples are.

  Attributes:
    copied: share of samples nearer than the threshold, in [0, 1]: 1 of a copier, as `expected` of an
      honest generator.
    expected: share of real examples that are so near: about `share`, and more if some are there twice.
    median_ratio: median distance of samples over that of real ones: 1 if honest, 0 if most are copies.
    nearer: probability that a sample is nearer than a real example, ties for one half: 1/2 if honest,
      1 if all are copies.
    z: Z_U of the paper: deviations of the rank sum from its mean, of mean 0 and deviation 1 if honest,
      far below 0 of copies, far above of samples that are like no example.
  """

  copied: float
  expected: float
  median_ratio: float
  nearer: float
  z: float


def leave_one_out(examples: chex.Array) -> np.ndarray:
  """How far each is from the nearest other, [N, D] -> float64 [N], N >= 2; 0 if it is there twice."""
  examples = sets.checked('examples', examples, least=2)
  # The other of the two nearest is the example itself, or one that is equal to it.
  return nearest(examples, examples, 2)[1][:, 1]


def memorization(
  fake: chex.Array, train: chex.Array, *, held_out: chex.Array | None = None, share: float = 0.01
) -> Memorization:
  """Whether samples are nearer to training examples than other real examples are.

  The distance of each sample from the nearest training example is compared with that of real examples:
  of held-out ones, or where there are none, of each training example from the nearest other. A distance
  alone says nothing: common examples are near to others, rare ones are far.

  `nearer` and `z` are a test of all distances together (Meehan et al.; Mann & Whitney 1947). It assumes
  nothing of their distribution and its null value is known, but a few copies among many samples that
  are too far away escape it: those show in `copied`. Without held-out examples the deviation of z is
  only nearly 1, for the distances among training examples depend on each other.

  An example that is there twice is at the distance 0. The threshold and the median of real distances
  are those of the distances above 0, so that even then a copy is nearer than the threshold.

  Args:
    fake: [N, D], samples or their features.
    train: [M, D], all that was trained on: copies of what is left out are not found.
    held_out: [L, D], real examples that were not trained on.
    share: of new real examples that are to be nearer than the threshold, in (0, 1).

  Raises:
    ValueError: wrong shapes, NaN or infinity, or too few different real examples for such a share.

  Source: Meehan et al. 2020 (arXiv:2004.05675), section 3, of one cell; `copied` is our own.
  """
  fake, train = sets.checked('samples', fake), sets.checked('training examples', train, least=2)
  real = leave_one_out(train) if held_out is None else nearest(held_out, train)[1][:, 0]
  threshold, median = _tail(real[real > 0], share)
  apart = nearest(fake, train)[1][:, 0]
  copied, expected = (float((x < threshold).mean()) for x in (apart, real))
  return Memorization(copied, expected, float(np.median(apart)) / median, *_rank_sum(apart, real))


def _tail(apart: np.ndarray, share: float) -> tuple[float, float]:
  """The distance below which a new one lies with a probability of `share`, and the median."""
  if not 0 < share < 1:
    raise ValueError(f'share is {share}; it must be between 0 and 1')
  least = int(np.ceil(round(1 / share - 1, 6)))
  if len(apart) < least:
    raise ValueError(
      f'{len(apart)} real examples are at a distance above 0, too few to find the nearest share of '
      f'{share}; give at least {least} that differ, or raise the share'
    )
  # A new distance is below the k-th of n with a probability of k / (n + 1), whatever the distribution.
  return float(np.quantile(apart, share, method='weibull')), float(np.median(apart))


def _rank_sum(apart: np.ndarray, real: np.ndarray) -> tuple[float, float]:
  """`nearer` and `z`."""
  m, n, real = len(apart), len(real), np.sort(real)
  below, upto = (np.searchsorted(real, apart, side).sum() for side in ('left', 'right'))
  farther = (below + upto) / 2
  deviation = np.sqrt(m * n * (m + n + 1) / 12)
  return float(1 - farther / (m * n)), float((farther - m * n / 2) / deviation)
