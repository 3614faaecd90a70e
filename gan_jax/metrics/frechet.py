"""The Frechet distance between Gaussians with the moments of real and of generated features.

    moments = functools.reduce(frechet.merge, map(frechet.moments, batches_of_features))
    frechet.distance(real, moments)

The moments of any number of examples take [D, D]. JAX features give JAX moments, also inside a compiled
step; they have 32 bits unless 64 are enabled. NumPy features give NumPy moments of 64 bits. With 32
bits the error of a distance is about 1e-6 of the variance of the features. It is larger for means that
lie thousands of standard deviations from the origin. Use 64 bits for such means and for small
distances.
"""

from types import ModuleType
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt


class Moments(NamedTuple):
  """The count, mean and scatter matrix of a set of examples.

  Attributes:
    count: number of examples, a scalar of the dtype of the others; exact up to 2^24 in float32.
    mean: [D]; zeros without examples.
    scatter: [D, D], the sum of outer products of differences from the mean.
  """

  count: np.ndarray | jax.Array
  mean: np.ndarray | jax.Array
  scatter: np.ndarray | jax.Array


class Prepared(NamedTuple):
  """The statistics of the real examples that `distance` uses, float64 on the host.

  Attributes:
    mean: [D].
    trace: trace of the covariance, a float.
    factor: [D, R] with covariance = factor factor^T.
  """

  mean: np.ndarray
  trace: float
  factor: np.ndarray


def _array_module(array: np.ndarray | jax.Array) -> ModuleType:
  return np if isinstance(array, np.ndarray | np.generic) else jnp


def empty(dimensions: int, dtype: npt.DTypeLike = np.float32) -> Moments:
  """Returns the moments of zero examples, from which `merge` starts, also as the carry of a scan."""
  return Moments(np.zeros((), dtype), np.zeros(dimensions, dtype), np.zeros((dimensions,) * 2, dtype))


def moments(features: np.ndarray | jax.Array, weights: np.ndarray | jax.Array | None = None) -> Moments:
  """Returns the count, mean and scatter of examples.

  Args:
    features: [N, D]; N may be 0. NumPy features are processed on the host in float64, JAX features in
      their dtype, or in float32 if that is more precise.
    weights: [N], 0 where a row is padding and 1 elsewhere. The values of padding are ignored, even NaN.
  """
  chex.assert_rank(features, 2)
  xp = _array_module(features)
  keep = xp.ones(len(features), bool) if weights is None else xp.asarray(weights, bool)
  chex.assert_shape(keep, features.shape[:1])
  dtype = np.float64 if xp is np else jnp.promote_types(features.dtype, jnp.float32)
  rows = xp.where(keep[:, None], features.astype(dtype), 0)
  count = keep.sum().astype(dtype)
  mean = rows.sum(axis=0) / xp.maximum(count, 1)
  centered = xp.where(keep[:, None], rows - mean, 0)
  # By default TPUs multiply with 8 bits of precision.
  with jax.default_matmul_precision('highest'):
    return Moments(count, mean, centered.T @ centered)


def merge(a: Moments, b: Moments) -> Moments:
  """Returns the moments of the examples of both; exact if one of them is empty.

  Source: Chan et al. 1979, "Updating formulae and a pairwise algorithm for computing sample variances",
    section 2, with an outer product in place of the square.
  """
  chex.assert_equal_shape([a.mean, b.mean])
  count = a.count + b.count
  fraction = b.count / _array_module(count).maximum(count, 1)
  diff = b.mean - a.mean
  # The weight comes first: 0 times the square of a large number could be NaN.
  between = (a.count * fraction * diff)[:, None] * diff
  return Moments(count, a.mean + fraction * diff, a.scatter + b.scatter + between)


def is_singular(moments: Moments) -> bool:
  """Returns whether the examples are too few for their dimensions.

  The covariance of N examples has rank N - 1.
  A Frechet distance depends on the number of examples, most strongly when they are this few.

  Source: Chong & Forsyth 2020 (arXiv:1911.07023).
  """
  return int(moments.count) <= len(moments.mean)


def _on_host(name: str, moments: Moments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  count, mean, scatter = (np.asarray(array, np.float64) for array in moments)
  if scatter.shape != mean.shape * 2 or mean.ndim != 1 or count.ndim:
    shapes = f'{count.shape}, {mean.shape} and {scatter.shape}'
    raise ValueError(
      f'{name} moments: wrong shapes {shapes} ((), (D,) and (D, D)); compute them with moments()'
    )
  if not all(np.isfinite(array).all() for array in (count, mean, scatter)):
    raise ValueError(
      f'{name} moments contain NaN or infinity, as the features did; leave out such examples'
    )
  if count < 2:
    raise ValueError(
      f'{name} moments: {count:g} examples are too few for a covariance (at least 2); give more'
    )
  return count, mean, scatter


def prepare(real: Moments) -> Prepared:
  """Returns the factor of the real covariance, the slower half of `distance`, for reuse.

  Raises:
    ValueError: fewer than 2 examples, NaN or infinity, other shapes.
  """
  count, mean, scatter = _on_host('real', real)
  covariance = scatter / (count - 1)
  values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
  # Eigenvalues beyond the rank are rounding errors, and their roots would not be small.
  rank = min(int(count) - 1, len(mean))
  roots = np.sqrt(np.maximum(values[-rank:], 0))
  return Prepared(mean, np.trace(covariance), vectors[:, -rank:] * roots)


def prepare_examples(features: np.ndarray) -> Prepared:
  """Returns what `prepare` does for the moments of examples, much faster if they are few.

  The roots of the covariance of N examples need only their N x N inner products.

  Args:
    features: [N, D], finite.

  Raises:
    ValueError: fewer than 2 examples.
  """
  if len(features) < 2 or len(features) > features.shape[1]:
    return prepare(moments(np.asarray(features)))
  rows = np.asarray(features, np.float64)
  mean = rows.mean(axis=0)
  centered = (rows - mean) / np.sqrt(len(rows) - 1)
  vectors = np.linalg.eigh(centered @ centered.T).eigenvectors
  # The first eigenvalue is 0, because the rows have the sum 0.
  return Prepared(mean, np.square(centered).sum(), centered.T @ vectors[:, 1:])


def distance(real: Moments | Prepared, fake: Moments) -> float:
  """Returns |m - n|^2 + tr(S + T - 2 (S T)^1/2), which is at least 0.

  Here m, n are the means and S, T the unbiased covariances. With S = F F^T, tr (S T)^1/2 is the sum of
  the roots of the eigenvalues of F^T T F. That matrix is symmetric, so no root is complex, and there
  may be fewer examples than dimensions.

  Args:
    real: moments of the real examples, `prepare`d or not.
    fake: moments of the generated examples.

  Raises:
    ValueError: fewer than 2 examples, NaN or infinity, differing dimensions.

  Source: Heusel et al. 2017 (arXiv:1706.08500), equation 6; Dowson & Landau 1982, "The Frechet distance
    between multivariate normal distributions".
  """
  real = real if isinstance(real, Prepared) else prepare(real)
  count, mean, scatter = _on_host('fake', fake)
  if mean.shape != real.mean.shape:
    raise ValueError(
      f'the real moments have {len(real.mean)} dimensions and the fake ones {len(mean)}; '
      'compute both with the same network'
    )
  covariance = scatter / (count - 1)
  product = real.factor.T @ covariance @ real.factor
  values = np.linalg.eigvalsh((product + product.T) / 2)
  # As in `prepare`.
  rank = min(int(count) - 1, len(values))
  overlap = np.sqrt(np.maximum(values[-rank:], 0)).sum()
  diff = real.mean - mean
  return max(0.0, float(diff @ diff + real.trace + np.trace(covariance) - 2 * overlap))
