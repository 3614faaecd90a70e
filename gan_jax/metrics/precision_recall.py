"""Scores by nearest neighbors: precision and recall, density and coverage.

A set of features is thought to fill the balls around its points that reach to their k-th neighbor of
the same set. How large k and the sets are changes the scores: compare at equal numbers only.
"""

from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation, distances


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


def _radii(name: str, points: np.ndarray, k: int) -> np.ndarray:
  """The distance of each point from its k-th neighbor, itself not counted, [N, D] -> [N]."""
  if not 1 <= k < len(points):
    raise ValueError(
      f'k is {k} with {len(points)} {name} examples; it must be from 1 to one less than these'
    )
  # The nearest is the point itself, or one that is equal to it.
  return distances.nearest(points, points, k + 1)[1][:, k]


def _surface(dimensions: int) -> float:
  """How far from a sphere of radius 1 rounding may put a point that is on it."""
  return (dimensions + 8) * np.finfo(np.float64).eps


def precision_recall(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike, *, k: int = 3
) -> PrecisionRecall:
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
  real, fake = _validation.pair(real, fake)
  reach_real, reach_fake = _radii('real', real, k), _radii('fake', fake, k)
  # What is below the next number is on the surface or in the ball, also where the radius is 0.
  beyond = lambda reach: np.nextafter(reach * (1 + _surface(real.shape[1])), np.inf)
  reach_real, reach_fake = beyond(reach_real), beyond(reach_fake)
  precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
  for tile in distances.Distances(fake, real).tiles():
    precise[tile.rows] |= tile.below(reach_real[tile.columns]).any(axis=1)
    recalled[tile.columns] |= tile.below(reach_fake[tile.rows, None]).any(axis=0)
  return PrecisionRecall(float(precise.mean()), float(recalled.mean()), k)


def density_coverage(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike, *, k: int = 5
) -> DensityCoverage:
  """In how many real balls a fake example is, and how many real balls have one.

  A point on the surface of a ball is not in it. Equal sets have 1 and 1 if no point has several k-th
  neighbors at the same distance. Such ties lower the density: that of 0, 1 and 2 with k = 2 is 5/6. A
  real example with k copies of itself has a ball of radius 0, in which nothing is.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    k: which neighbor a ball reaches to, less than M.

  Raises:
    ValueError: k is not from 1 to M less one, NaN or infinity, differing D.

  Source: Naeem et al. 2020 (arXiv:2002.09797), section 3.
  """
  real, fake = _validation.pair(real, fake)
  # Rounding must not put a point inside that is on the surface.
  reach = _radii('real', real, k) * (1 - _surface(real.shape[1]))
  within, covered = 0, np.zeros(len(real), bool)
  for tile in distances.Distances(fake, real).tiles():
    inside = tile.below(reach[tile.columns])
    within += int(inside.sum())
    covered[tile.columns] |= inside.any(axis=0)
  return DensityCoverage(within / (k * len(fake)), float(covered.mean()), k)
