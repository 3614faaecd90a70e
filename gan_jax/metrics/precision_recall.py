"""Scores from nearest neighbors: precision and recall, density and coverage.

They model the support of a set of features by balls around its points. The radius of each ball is the
distance to the k-th neighbor in the same set. The scores depend on k and on the size of the sets:
compare only scores with equal numbers.
"""

from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation, distances


class PrecisionRecall(NamedTuple):
  """Improved precision and recall.

  Attributes:
    precision: fraction of fake examples inside the ball of a real one, in [0, 1]: quality.
    recall: fraction of real examples inside the ball of a fake one, in [0, 1]: variety.
    k: the neighbor that sets the radius of a ball.
  """

  precision: float
  recall: float
  k: int


class DensityCoverage(NamedTuple):
  """Density and coverage.

  Attributes:
    density: average number of real balls that contain a fake example, divided by k: quality. It is at
      least 0 and may exceed 1; about 1 for equal distributions.
    coverage: fraction of real balls that contain a fake example, in [0, 1]: variety. For equal
      distributions and equal numbers of each it is about 1 - 2^-k, not 1.
    k: the neighbor that sets the radius of a ball.
  """

  density: float
  coverage: float
  k: int


def _radii(name: str, points: np.ndarray, k: int) -> np.ndarray:
  """Returns the distance of each point from its k-th neighbor, not counting itself, [N, D] -> [N]."""
  if not 1 <= k < len(points):
    raise ValueError(
      f'k={k}: out of range (1 to {len(points) - 1}, one less than the {len(points)} {name} examples)'
    )
  # The nearest is the point itself, or one equal to it.
  return distances.nearest(points, points, k + 1)[1][:, k]


def _surface(dimensions: int) -> float:
  """Returns a bound of the rounding error in the distance of a point on a sphere of radius 1."""
  return (dimensions + 8) * np.finfo(np.float64).eps


def precision_recall(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike, *, k: int = 3
) -> PrecisionRecall:
  """Returns the fraction of fake examples where real examples lie, and the reverse.

  A point on the surface of a ball counts as inside, so that equal sets always score 1 and 1.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    k: the neighbor that sets the radius of a ball, less than M and N.

  Raises:
    ValueError: k is not from 1 to the smaller number less one, NaN or infinity, differing D.

  Source: Kynkaanniemi et al. 2019 (arXiv:1904.06991), equations 1 and 2.
  """
  real, fake = _validation.pair(real, fake)
  # A distance below the next larger number is on the surface or inside, also where the radius is 0.
  enlarge = lambda radii: np.nextafter(radii * (1 + _surface(real.shape[1])), np.inf)
  real_radii = enlarge(_radii('real', real, k))
  fake_radii = enlarge(_radii('fake', fake, k))
  precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
  for tile in distances.Distances(fake, real).tiles():
    precise[tile.rows] |= tile.below(real_radii[tile.columns]).any(axis=1)
    recalled[tile.columns] |= tile.below(fake_radii[tile.rows, None]).any(axis=0)
  return PrecisionRecall(float(precise.mean()), float(recalled.mean()), k)


def density_coverage(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike, *, k: int = 5
) -> DensityCoverage:
  """Returns the mean number of real balls around a fake example, and the fraction of non-empty ones.

  A point on the surface of a ball counts as outside. Equal sets score 1 and 1 if no point has several
  k-th neighbors at the same distance. Such ties lower the density: for 0, 1 and 2 with k = 2 it is 5/6.
  A real example with k copies of itself has a ball of radius 0, which is always empty.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    k: the neighbor that sets the radius of a ball, less than M.

  Raises:
    ValueError: k is not from 1 to M less one, NaN or infinity, differing D.

  Source: Naeem et al. 2020 (arXiv:2002.09797), section 3.
  """
  real, fake = _validation.pair(real, fake)
  # Rounding must not move a point from the surface to the inside.
  radii = _radii('real', real, k) * (1 - _surface(real.shape[1]))
  within, covered = 0, np.zeros(len(real), bool)
  for tile in distances.Distances(fake, real).tiles():
    inside = tile.below(radii[tile.columns])
    within += int(inside.sum())
    covered[tile.columns] |= inside.any(axis=0)
  return DensityCoverage(within / (k * len(fake)), float(covered.mean()), k)
