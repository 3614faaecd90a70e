"""Checks of the sets of vectors that scores on the host compare."""

import jax
import numpy as np

_LARGEST = 1e150
"""Sums of squares of larger numbers could overflow."""


def checked(name: str, vectors: jax.typing.ArrayLike, least: int = 1) -> np.ndarray:
  """Returns the vectors on the host in float64, after checks.

  Args:
    name: names the vectors in messages.
    vectors: [N, D], NumPy or JAX, of any dtype of real numbers.
    least: how many rows are needed.

  Returns:
    The same values, float64 [N, D].

  Raises:
    ValueError: another rank, no columns, fewer rows, NaN or infinity, or numbers above 1e150.
  """
  array = np.asarray(vectors)
  if array.ndim != 2 or not array.shape[1]:
    raise ValueError(f'{name} have the shape {array.shape}; they must be [examples, dimensions]')
  if len(array) < least:
    raise ValueError(f'{name} have {len(array)} examples; this score needs at least {least}')
  array = array.astype(np.float64)
  bad = len(array) - np.isfinite(array).all(axis=1).sum()
  if bad:
    raise ValueError(f'{bad} of {len(array)} {name} contain NaN or infinity; leave out such examples')
  largest = max(array.max(initial=0), -array.min(initial=0))
  if largest > _LARGEST:
    raise ValueError(
      f'{name}={largest:g}: out of range (at most {_LARGEST:g}); leave out such examples, or scale all'
    )
  return array


def pair(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike, least: int = 1
) -> tuple[np.ndarray, np.ndarray]:
  """Returns features of real [M, D] and generated [N, D] examples, both `checked`.

  Raises:
    ValueError: as `checked`, or differing D.
  """
  real = checked('real features', real, least)
  fake = checked('fake features', fake, least)
  if real.shape[1] != fake.shape[1]:
    raise ValueError(
      f'real features have {real.shape[1]} dimensions and fake ones {fake.shape[1]}; '
      'compute both with the same network'
    )
  return real, fake
