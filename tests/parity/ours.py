"""Metrics of gan_jax for features, by the names of references.py, with none of the packages."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.metrics import frechet, inception_score, kernel_distance, precision_recall

SEED = 2020
PARTS = 8


def moments(features: np.ndarray) -> frechet.Moments:
  """On the host if they are float64; else of parts, compiled, as a run makes them."""
  if features.dtype == np.float64:
    return frechet.moments(features)
  parts = map(jax.jit(frechet.moments), jnp.array_split(jnp.asarray(features), PARTS))
  return functools.reduce(jax.jit(frechet.merge), parts)


def kid(real: np.ndarray, fake: np.ndarray, subsets: int, size: int) -> dict[str, float]:
  found = kernel_distance.kernel_distance(real, fake, seed=SEED, subsets=subsets, subset_size=size)
  name = f'kernel, {subsets} of {size}'
  return {f'{name}: value': found.value, f'{name}: deviation': found.std}


def isc(logits: np.ndarray, splits: int, shuffle: bool) -> dict[str, float]:
  found = inception_score.inception_score(logits, splits=splits, seed=SEED, shuffle=shuffle)
  name = f'inception, {splits} splits, {"shuffled" if shuffle else "in order"}'
  return {f'{name}: mean': found.mean, f'{name}: deviation': found.std}


def prdc(real: np.ndarray, fake: np.ndarray, k: int, package: str = 'prdc') -> dict[str, float]:
  found = precision_recall.precision_recall(real, fake, k=k)._asdict()
  if package == 'prdc':
    found |= precision_recall.density_coverage(real, fake, k=k)._asdict()
  del found['k']
  return {f'{name}, k {k} ({package})': value for name, value in found.items()}


def every(real: np.ndarray, fake: np.ndarray, logits: np.ndarray) -> dict[str, float]:
  """All that references.py compares."""
  distance = frechet.distance(moments(real), moments(fake))
  return (
    {f'frechet ({package})': distance for package in ('pytorch-fid', 'torch-fidelity')}
    | kid(real, fake, 20, 100)
    | kid(real[:250], fake[:250], 1, 250)
    | isc(logits, 10, True)
    | isc(logits, 10, False)
    | isc(logits, 7, True)
    | prdc(real, fake, 3, 'torch-fidelity')
    | prdc(real, fake, 3)
    | prdc(real, fake, 5)
  )
