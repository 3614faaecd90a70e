"""The Frechet distance between Gaussians with the moments of real and of generated features.

    found = functools.reduce(frechet.merge, map(frechet.moments, batches_of_features))
    frechet.distance(real, found)

The moments of any number of examples take [D, D]. JAX features give JAX moments, inside a compiled step
too, of 32 bits unless 64 are enabled; NumPy features give NumPy moments of 64 bits. With 32 bits the
error of a distance is some 1e-6 of the variance of the features. It is more for means that are
thousands of deviations from the origin. For such means, and for small distances, use 64.
"""

from types import ModuleType
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np


class Moments(NamedTuple):
  """What is kept of examples.

  Attributes:
    count: of examples, a scalar of the dtype of the others; exact up to 2^24 in float32.
    mean: [D]; zeros if there are none.
    scatter: [D, D], the sum of outer products of deviations from the mean.
  """

  count: np.ndarray | jax.Array
  mean: np.ndarray | jax.Array
  scatter: np.ndarray | jax.Array


class Prepared(NamedTuple):
  """What `distance` needs of the real examples, float64 on the host.

  Attributes:
    mean: [D].
    trace: of the covariance, a float.
    factor: [D, R] with covariance = factor factor^T.
  """

  mean: np.ndarray
  trace: float
  factor: np.ndarray


def _array_module(array: np.ndarray | jax.Array) -> ModuleType:
  return np if isinstance(array, np.ndarray | np.generic) else jnp


def empty(dimensions: int, dtype=np.float32) -> Moments:
  """The moments of no examples: what `merge` starts from, also as the carry of a scan."""
  return Moments(np.zeros((), dtype), np.zeros(dimensions, dtype), np.zeros((dimensions,) * 2, dtype))


def moments(features: np.ndarray | jax.Array, weights: np.ndarray | jax.Array | None = None) -> Moments:
  """Count, mean and scatter of examples.

  Args:
    features: [N, D]; N may be 0. NumPy features are computed with on the host in float64, JAX features
      in their dtype, or in float32 if that is less precise.
    weights: [N], 0 where a row is padding and 1 where not. What padding holds is not seen, even NaN.
  """
  chex.assert_rank(features, 2)
  xp = _array_module(features)
  keep = xp.ones(len(features), bool) if weights is None else xp.asarray(weights, bool)
  chex.assert_shape(keep, features.shape[:1])
  dtype = np.float64 if xp is np else jnp.promote_types(features.dtype, jnp.float32)
  rows = xp.where(keep[:, None], features.astype(dtype), 0)
  count = keep.sum().astype(dtype)
  mean = rows.sum(axis=0) / xp.maximum(count, 1)
  deviations = xp.where(keep[:, None], rows - mean, 0)
  # The default of a TPU has 8 bits.
  with jax.default_matmul_precision('highest'):
    return Moments(count, mean, deviations.T @ deviations)


def merge(a: Moments, b: Moments) -> Moments:
  """The moments of the examples of both; exact if one of them has none.

  Source: Chan et al. 1979, "Updating formulae and a pairwise algorithm for computing sample variances",
    section 2, with an outer product for the square.
  """
  chex.assert_equal_shape([a.mean, b.mean])
  count = a.count + b.count
  share = b.count / _array_module(count).maximum(count, 1)
  apart = b.mean - a.mean
  # The weight first: 0 times the square of a large number could be NaN.
  between = (a.count * share * apart)[:, None] * apart
  return Moments(count, a.mean + share * apart, a.scatter + b.scatter + between)


def is_singular(found: Moments) -> bool:
  """Whether the examples are too few for their dimensions: N of them make a covariance of rank N - 1.

  A Frechet distance depends on how many examples it is of, most of all on so few of them.

  Source: Chong & Forsyth 2020 (arXiv:1911.07023).
  """
  return int(found.count) <= len(found.mean)


def _on_host(name: str, found: Moments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  count, mean, scatter = (np.asarray(part, np.float64) for part in found)
  if scatter.shape != mean.shape * 2 or mean.ndim != 1 or count.ndim:
    shapes = f'{count.shape}, {mean.shape} and {scatter.shape}'
    raise ValueError(f'{name} moments have the shapes {shapes}; they must be (), (D,) and (D, D)')
  if not all(np.isfinite(part).all() for part in (count, mean, scatter)):
    raise ValueError(
      f'{name} moments hold NaN or infinity, as the features did; leave out such examples'
    )
  if count < 2:
    raise ValueError(f'{name} moments are of {count:g} examples; a covariance needs at least 2')
  return count, mean, scatter


def prepare(real: Moments) -> Prepared:
  """The factor of the real covariance, to compare many sets with: the slower half of `distance`.

  Raises:
    ValueError: fewer than 2 examples, NaN or infinity, other shapes.
  """
  count, mean, scatter = _on_host('real', real)
  covariance = scatter / (count - 1)
  values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
  # Values beyond the rank are rounding, and their roots would not be small.
  rank = min(int(count) - 1, len(mean))
  roots = np.sqrt(np.maximum(values[-rank:], 0))
  return Prepared(mean, np.trace(covariance), vectors[:, -rank:] * roots)


def distance(real: Moments | Prepared, fake: Moments) -> float:
  """|m - n|^2 + tr(S + T - 2 (S T)^1/2) of means m, n and unbiased covariances S, T; 0 or more.

  With S = F F^T, tr (S T)^1/2 is the sum of the roots of the eigenvalues of F^T T F, which is
  symmetric: nothing can turn complex, and there may be fewer examples than dimensions.

  Args:
    real: of the real examples, `prepare`d or not.
    fake: of the generated ones.

  Raises:
    ValueError: fewer than 2 examples, NaN or infinity, differing dimensions.

  Source: Heusel et al. 2017 (arXiv:1706.08500), equation 6; Dowson & Landau 1982, "The Frechet distance
    between multivariate normal distributions".
  """
  real = real if isinstance(real, Prepared) else prepare(real)
  count, mean, scatter = _on_host('fake', fake)
  if mean.shape != real.mean.shape:
    sizes = f'{len(real.mean)} dimensions and the fake ones {len(mean)}'
    raise ValueError(f'the real moments have {sizes}: they are of two networks')
  covariance = scatter / (count - 1)
  product = real.factor.T @ covariance @ real.factor
  values = np.linalg.eigvalsh((product + product.T) / 2)
  # As in `prepare`.
  rank = min(int(count) - 1, len(values))
  overlap = np.sqrt(np.maximum(values[-rank:], 0)).sum()
  apart = real.mean - mean
  return max(0.0, float(apart @ apart + real.trace + np.trace(covariance) - 2 * overlap))
