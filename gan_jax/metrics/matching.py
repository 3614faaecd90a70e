"""The accuracy of codes that stand for classes in an unknown order."""

import jax
import numpy as np
from scipy import optimize


def matching_accuracy(confusion: jax.typing.ArrayLike) -> float:
  """Returns the fraction of examples whose code stands for their class, in the best matching.

  A matching assigns codes to classes one to one. If codes and classes differ in number, the surplus is
  left unmatched, and its examples count as errors. The accuracy is at least 1 / max(K, C), even for
  codes that do not depend on the class.

  Args:
    confusion: [K, C], the number of examples with each code and class, or their fractions.

  Returns:
    The accuracy, from 1 / max(K, C) to 1.

  Raises:
    ValueError: another shape, numbers that are negative or not finite, or no example at all.

  Source: Chen et al. 2016 (arXiv:1606.03657), section 7.2, which matches each code with a digit type;
    Kuhn 1955, "The Hungarian method for the assignment problem".
  """
  counts = np.asarray(confusion)
  if counts.ndim != 2:
    raise ValueError(f'confusion: wrong shape {list(counts.shape)} ([codes, classes]); reshape it')
  counts = counts.astype(np.float64)
  if not np.isfinite(counts).all() or counts.min(initial=0) < 0:
    raise ValueError(
      'confusion: it has negative numbers, NaN or infinity (counts of at least 0); count again'
    )
  total = counts.sum()
  if total == 0:
    raise ValueError('confusion: it counts 0 examples (at least 1); count some')
  rows, columns = optimize.linear_sum_assignment(counts, maximize=True)
  return float(counts[rows, columns].sum() / total)
