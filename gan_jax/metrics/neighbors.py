"""Scores by nearest neighbors: precision and recall, density and coverage.

A set of features is thought to fill the balls around its points that reach to their k-th neighbor of
the same set. How large k and the sets are changes the scores: compare at equal numbers only.
"""

from collections.abc import Iterator
from typing import NamedTuple

import chex
import numpy as np

from gan_jax.metrics import sets

BLOCK = 2**23
"""How many distances are held at a time: 64 MB, and some copies."""


class PrecisionRecall(NamedTuple):
  """Improved precision and recall.

  Attributes:
    precision: share of the fake in a ball around some real point, in [0, 1]: quality.
    recall: share of the real in a ball around some fake point, in [0, 1]: variety.
    k: which neighbor a ball reaches to.
  """

  precision: float
  recall: float
  k: int


class DensityCoverage(NamedTuple):
  """Density and coverage.

  Attributes:
    density: in how many real balls a fake point is on average, divided by k: quality, from 0, may be
      above 1; about 1 for equal distributions.
    coverage: share of real balls with a fake point, in [0, 1]: variety. For equal distributions and
      as many of each it is about 1 - 2^-k, not 1.
    k: which neighbor a ball reaches to.
  """

  density: float
  coverage: float
  k: int


def _centered(real: chex.Array, fake: chex.Array) -> tuple[np.ndarray, np.ndarray]:
  """Both sets around the mean of the real: near the origin squared distances cancel less."""
  real, fake = sets.pair(real, fake)
  center = real.mean(axis=0)
  return real - center, fake - center


def _blocks(x: np.ndarray, y: np.ndarray, scale: float = 1.0) -> Iterator[tuple[slice, np.ndarray]]:
  """scale (|x|^2 + |y|^2) - 2 x . y of [M, D] and [N, D], some rows [B, N] at a time, and which."""
  squares_x, squares_y = (scale * (points**2).sum(axis=1) for points in (x, y))
  size = max(1, BLOCK // len(y))
  for start in range(0, len(x), size):
    rows = slice(start, start + size)
    found = x[rows] @ y.T
    found *= -2
    found += squares_x[rows, None]
    found += squares_y
    yield rows, np.maximum(found, 0, out=found)


def _rounding(dimensions: int) -> float:
  """A bound on the error of the difference of two squared distances, in shares of |x|^2 + |y|^2."""
  return 4 * dimensions * np.finfo(np.float64).eps


def _squared_radii(name: str, points: np.ndarray, k: int) -> np.ndarray:
  """The squared distance of each point to its k-th neighbor, itself not counted, [N, D] -> [N]."""
  if not 1 <= k < len(points):
    raise ValueError(
      f'k is {k} with {len(points)} {name} examples; it must be from 1 to one less than these'
    )
  # The least in a row is the point itself.
  return np.concatenate([np.partition(found, k, axis=1)[:, k] for _, found in _blocks(points, points)])


def precision_recall(real: chex.Array, fake: chex.Array, *, k: int = 3) -> PrecisionRecall:
  """Which share of the fake is where real examples are, and the reverse.

  A point on the surface of a ball is in it, so that equal sets have 1 and 1 whatever is in them.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    k: which neighbor a ball reaches to, less than M and N.

  Raises:
    ValueError: k is not from 1 to the smaller number less one, NaN or infinity, differing D.

  Source: Kynkaanniemi et al. 2019 (arXiv:1904.06991), equations 1 and 2.
  """
  real, fake = _centered(real, fake)
  reach_real, reach_fake = _squared_radii('real', real, k), _squared_radii('fake', fake, k)
  precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
  # Rounding must not put a point outside that is on the surface.
  for rows, found in _blocks(real, fake, 1 - _rounding(real.shape[1])):
    precise |= (found <= reach_real[rows, None]).any(axis=0)
    recalled[rows] = (found <= reach_fake).any(axis=1)
  return PrecisionRecall(float(precise.mean()), float(recalled.mean()), k)


def density_coverage(real: chex.Array, fake: chex.Array, *, k: int = 5) -> DensityCoverage:
  """In how many real balls a fake example is, and how many real balls have one.

  A point on the surface of a ball is not in it, so that equal sets have 1 and 1. A real example with k
  copies of itself has a ball of radius 0, in which nothing is.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    k: which neighbor a ball reaches to, less than M.

  Raises:
    ValueError: k is not from 1 to M less one, NaN or infinity, differing D.

  Source: Naeem et al. 2020 (arXiv:2002.09797), section 3.
  """
  real, fake = _centered(real, fake)
  reach = _squared_radii('real', real, k)
  within, covered = 0, np.zeros(len(real), bool)
  # Rounding must not put a point inside that is on the surface.
  for rows, found in _blocks(real, fake, 1 + _rounding(real.shape[1])):
    inside = found < reach[rows, None]
    within += int(inside.sum())
    covered[rows] = inside.any(axis=1)
  return DensityCoverage(within / (k * len(fake)), float(covered.mean()), k)
