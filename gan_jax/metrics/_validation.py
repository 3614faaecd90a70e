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
    raise ValueError(
      f'{name}: wrong shape {list(array.shape)} ([examples, dimensions]); reshape the array'
    )
  if len(array) < least:
    raise ValueError(
      f'{name}: {len(array)} examples are too few for this score (at least {least}); give more'
    )
  array = array.astype(np.float64)
  bad = len(array) - np.isfinite(array).all(axis=1).sum()
  if bad:
    raise ValueError(
      f'{name}: {bad} of {len(array)} examples contain NaN or infinity; leave out such examples'
    )
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


def check_images(
  name: str, images: np.ndarray | jax.Array, channels: int | None = None, least: int = 1
) -> None:
  """Raises ValueError unless `images` are uint8 [N, height, width, channels] with N >= `least`."""
  is_image_set = images.dtype == np.uint8 and images.ndim == 4 and images.size and len(images) >= least
  if not is_image_set or images.shape[3] != (channels or images.shape[3]):
    raise ValueError(
      f'{name}={images.dtype} {list(images.shape)}: wrong type or shape (uint8 [N, height, width, '
      f'{channels or "channels"}], N >= {least}); convert the images'
    )
