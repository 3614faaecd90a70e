"""The contract of data: a source gives batches as a function of the seed and the step."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.common import hashing

Images = Any
"""Images at rest, uint8 [N, height, width, channels]: an array, or `rows.Rows` of a file."""


class Source(NamedTuple):
  """Where batches come from.

  Attributes:
    arrays: what every device holds for the whole run, at rest: images as rows of bytes, see
      `flattened`. Whole ones are in `images`.
    batch: (arrays, draw, rows [b]) -> {'real': float32 [b, ...], 'label': int32 [b], where there are
      labels}, the given rows of the global batch number `draw`; it runs inside the compiled step.
    modes: of a mixture, see `points.Modes`; None where they are not known.
    images: the whole set; None of data drawn afresh.
    split: which part of the data set they are, for whoever compares scores.
    part: (first, count, rows [b]) -> the arrays from which `batch` can make these rows of the draws
      from `first` to first + count - 1, besides those of `arrays`; None where it needs no others.
    digest: of the images, see `hashing.of_array`; '' where it has not been taken yet.
    about: what the data is and where it lies, for a person.
    labels: of the whole set, int32 [N]; None where it has none, and of data drawn afresh.
    classes: the names of the labels, where they have names.
  """

  arrays: Mapping[str, np.ndarray]
  batch: Callable[[Mapping[str, jax.Array], jax.Array, jax.Array], Mapping[str, jax.Array]]
  modes: Any = None
  images: Images | None = None
  split: str = 'train'
  part: Callable[[int, int, np.ndarray], Mapping[str, np.ndarray]] | None = None
  digest: str = ''
  about: str = ''
  labels: np.ndarray | None = None
  classes: tuple[str, ...] = ()


def arrays_of(source: Source, first: int, count: int, rows: np.ndarray) -> Mapping[str, np.ndarray]:
  """All that `batch` of a source reads for these rows of `count` draws from `first` on."""
  return {**source.arrays, **(source.part(first, count, rows) if source.part else {})}


def digest(source: Source) -> str:
  """Of all images and labels of a set; '' of data drawn afresh."""
  if source.images is None:
    return ''
  images = source.digest or hashing.of_array(source.images)
  labels = '' if source.labels is None else hashing.of_array(source.labels)
  return hashing.of_texts({'images': images, 'labels': labels})


_LANES = 128


def flattened(images: np.ndarray) -> np.ndarray:
  """Images [N, ...] as rows of bytes [N, a multiple of 128], at whose ends are zeros.

  Such rows a TPU holds as they are. Of others it lays out the whole set anew in each call.
  """
  rows = images.reshape(len(images), -1)
  missing = -rows.shape[1] % _LANES
  return np.pad(rows, ((0, 0), (0, missing))) if missing else rows


def flattened_size(shape: Sequence[int]) -> int:
  """Bytes of `flattened` images of a shape [N, ...]."""
  each = math.prod(shape[1:])
  return shape[0] * (each + -each % _LANES)


def unflattened(rows: jax.Array, shape: Sequence[int]) -> jax.Array:
  """The inverse of `flattened`, of some rows [..., n], for images of a shape: [..., *shape]."""
  return rows[..., : math.prod(shape)].reshape(*rows.shape[:-1], *shape)
