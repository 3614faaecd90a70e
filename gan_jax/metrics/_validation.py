"""What scores on the host ask of the sets of vectors that they are given."""

import jax
import numpy as np

_LARGEST = 1e150
"""Sums of squares of larger numbers could overflow."""


def checked(name: str, vectors: jax.typing.ArrayLike, least: int = 1) -> np.ndarray:
  """The vectors on the host, if a score can be made of them.

  Args:
    name: what they are, for the message.
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
    raise ValueError(f'{name} are {len(array)} examples; this score needs at least {least}')
  array = array.astype(np.float64)
  bad = len(array) - np.isfinite(array).all(axis=1).sum()
  if bad:
    raise ValueError(f'{bad} of {len(array)} {name} hold NaN or infinity; leave out such examples')
  largest = max(array.max(initial=0), -array.min(initial=0))
  if largest > _LARGEST:
    raise ValueError(
      f'{name}={largest:g}: out of range (at most {_LARGEST:g}); leave out such examples, or scale all'
    )
  return array


def pair(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike, least: int = 1
) -> tuple[np.ndarray, np.ndarray]:
  """Features of real [M, D] and generated [N, D] examples, `checked`.

  Raises:
    ValueError: as `checked`, or differing D.
  """
  found = checked('real features', real, least), checked('fake features', fake, least)
  widths = [array.shape[1] for array in found]
  if widths[0] != widths[1]:
    raise ValueError(
      f'real features have {widths[0]} dimensions and fake ones {widths[1]}: they are of two networks'
    )
  return found
