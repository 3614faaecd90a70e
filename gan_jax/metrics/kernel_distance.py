"""The kernel distance (KID): the squared MMD between real and generated features, on random subsets."""

from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation


class KernelDistance(NamedTuple):
  """A kernel distance.

  Attributes:
    value: the mean over subsets; its expectation is the MMD^2, so it can be slightly negative.
    standard_error: of value as an estimate of what all subsets would give, deviation / subsets^1/2;
      None for one subset. It is of the draw of subsets alone: other images would change the value by
      more.
    deviation: the standard deviation over subsets (divided by their number, not by one less), which
      torch-fidelity prints as the error.
    subsets: how many were drawn: one if each would be the whole of both sets.
    subset_size: examples in each, of either kind; less than was asked for if there were fewer.
  """

  value: float
  standard_error: float | None
  deviation: float
  subsets: int
  subset_size: int


def _mmd2(x: np.ndarray, y: np.ndarray) -> float:
  """As `mmd.mmd2` with `mmd.polynomial`, in float64 whatever JAX is set to."""
  center = (x.mean(axis=0) + y.mean(axis=0)) / 2
  x, y = x - center, y - center
  within = _mean_of_pairs(_excess(x, x, center)) + _mean_of_pairs(_excess(y, y, center))
  return within - 2 * _excess(x, y, center).mean()


def _excess(x: np.ndarray, y: np.ndarray, center: np.ndarray) -> np.ndarray:
  """k(x + center, y + center) - k(center, center) for the kernel, [M, D] and [N, D] -> [M, N].

  The constant changes no MMD. Where means are large it would hold most of the digits.
  """
  base = center @ center / len(center) + 1
  more = x @ y.T
  more += (x @ center)[:, None]
  more += y @ center
  more /= len(center)
  # (base + more)^3 - base^3, in place: a power of 3 takes NumPy twenty times as long.
  found = more + 3 * base
  found *= more
  found += 3 * base**2
  found *= more
  return found


def _mean_of_pairs(values: np.ndarray) -> float:
  """The mean of [N, N] values without the diagonal, which becomes 0."""
  # The sum less the trace would cancel where the diagonal is large.
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
  """The unbiased MMD^2 with the kernel ((x . y) / D + 1)^3, averaged over subsets.

  Subsets are drawn as torch-fidelity draws them: the same seed gives the same number. Where each subset
  would be the whole of both sets, all are the same, and one is drawn.

  Args:
    real: [M, D], on the host in float64 whatever the dtype.
    fake: [N, D].
    seed: of the draw of subsets, each without replacement, in [0, 2^32).
    subsets: how many, at least 1.
    subset_size: examples of each kind in a subset, at least 2; that of the smaller set if it is less.

  Raises:
    ValueError: fewer than 2 examples of a kind, NaN or infinity, differing D, other numbers.

  Source: Binkowski et al. 2018 (arXiv:1801.01401), section 4; Gretton et al. 2012 (JMLR 13), equation
    3.
  """
  if subsets < 1 or subset_size < 2:
    raise ValueError(f'{subsets} subsets of {subset_size}; there must be at least 1, of at least 2')
  real, fake = _validation.pair(real, fake, least=2)
  size = min(subset_size, len(real), len(fake))
  subsets = 1 if size == len(real) == len(fake) else subsets
  # The draws of default_rng may differ between versions of NumPy; these never do.
  random = np.random.RandomState(seed)
  values = []
  for _ in range(subsets):
    chosen = fake[random.choice(len(fake), size, replace=False)]
    values.append(_mmd2(real[random.choice(len(real), size, replace=False)], chosen))
  deviation = float(np.std(values))
  error = deviation / subsets**0.5 if subsets > 1 else None
  return KernelDistance(float(np.mean(values)), error, deviation, subsets, size)
