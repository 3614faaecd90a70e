"""The kernel distance (KID): the squared MMD between real and generated features, on random subsets."""

from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation


class KernelDistance(NamedTuple):
  """A kernel distance.

  Attributes:
    value: mean over subsets; its expectation is the MMD^2, so it can be slightly negative.
    standard_error: standard error of value, std / subsets^1/2, as an estimate of the mean over all
      subsets; None for one subset. It measures only the choice of subsets: other images would change
      the value by more.
    std: standard deviation over subsets (divided by their number, not by one less), which
      torch-fidelity prints as the error.
    subsets: number of subsets: one if each would contain all of both sets.
    subset_size: examples of each kind in a subset; smaller than requested if the sets are smaller.
  """

  value: float
  standard_error: float | None
  std: float
  subsets: int
  subset_size: int


def _mmd2(x: np.ndarray, y: np.ndarray) -> float:
  """Returns the same as `mmd.mmd2` with `mmd.polynomial`, in float64 whatever precision JAX uses."""
  center = (x.mean(axis=0) + y.mean(axis=0)) / 2
  x, y = x - center, y - center
  within = _mean_of_pairs(_excess(x, x, center)) + _mean_of_pairs(_excess(y, y, center))
  return within - 2 * _excess(x, y, center).mean()


def _excess(x: np.ndarray, y: np.ndarray, center: np.ndarray) -> np.ndarray:
  """Returns k(x + center, y + center) - k(center, center) for the kernel, [M, D] and [N, D] -> [M, N].

  A constant does not change an MMD. For large means it would hold most of the digits.
  """
  base = center @ center / len(center) + 1
  delta = x @ y.T
  delta += (x @ center)[:, None]
  delta += y @ center
  delta /= len(center)
  # (base + delta)^3 - base^3, in place: a power of 3 takes NumPy twenty times as long.
  excess = delta + 3 * base
  excess *= delta
  excess += 3 * base**2
  excess *= delta
  return excess


def _mean_of_pairs(values: np.ndarray) -> float:
  """Returns the mean of [N, N] values without the diagonal, which it sets to 0."""
  # Subtracting the trace from the sum would cancel digits where the diagonal is large.
  np.fill_diagonal(values, 0)
  return values.sum() / (len(values) * (len(values) - 1))


def kernel_distance(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  *,
  seed: int = 0,
  subsets: int = 100,
  subset_size: int = 1000,
) -> KernelDistance:
  """Returns the unbiased MMD^2 with the kernel ((x . y) / D + 1)^3, averaged over subsets.

  Subsets are drawn in the same way as in torch-fidelity: the same seed gives the same number. If each
  subset would contain all of both sets, all subsets are equal, and only one is drawn.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    seed: seed of the subsets, each drawn without replacement, in [0, 2^32).
    subsets: number of subsets, at least 1.
    subset_size: examples of each kind in a subset, at least 2; the size of the smaller set if that is
      less.

  Raises:
    ValueError: fewer than 2 examples of a kind, NaN or infinity, differing D, or arguments out of
      range.

  Source: Binkowski et al. 2018 (arXiv:1801.01401), section 4; Gretton et al. 2012 (JMLR 13), equation
    3.
  """
  if subsets < 1 or subset_size < 2:
    raise ValueError(
      f'subsets={subsets}, subset_size={subset_size}: too small (at least 1 subset of at least 2)'
    )
  real, fake = _validation.pair(real, fake, least=2)
  size = min(subset_size, len(real), len(fake))
  subsets = 1 if size == len(real) == len(fake) else subsets
  # default_rng may give other numbers in another version of NumPy; RandomState never does.
  random = np.random.RandomState(seed)
  values = []
  for _ in range(subsets):
    chosen = fake[random.choice(len(fake), size, replace=False)]
    values.append(_mmd2(real[random.choice(len(real), size, replace=False)], chosen))
  std = float(np.std(values))
  error = std / subsets**0.5 if subsets > 1 else None
  return KernelDistance(float(np.mean(values)), error, std, subsets, size)
