"""The contract of data: a source gives batches as a function of the seed and the batch index."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.common import hashing
from gan_jax.data.pipeline.order import Order

HELD_OUT = 'held out'
"""The split of examples that training never sees."""

Images = Any
"""Stored images, uint8 [N, height, width, channels]: an array, or an `array_file.Rows`."""


class Source(NamedTuple):
  """A source of batches.

  Attributes:
    arrays: the arrays that every device holds for the whole run. Images are stored as rows of bytes,
      see `flattened`; the images themselves are in `images`.
    batch: (arrays, batch_index, rows [b]) -> {'real': float32 [b, ...]} with these rows of the global
      batch, and 'label': int32 [b] if the dataset has labels. Metrics compare with 'real'; a batch may
      have further fields, see `combinators`. It runs inside the compiled step.
    modes: the scorer of the modes of a mixture, see `mode_coverage.Modes`; None if they are unknown.
    images: all images of the dataset; None for data that is sampled for every batch.
    split: the split of the dataset, recorded with every evaluation.
    read_batches: (first, count, rows [b]) -> the arrays from which `batch` computes these rows of the
      batches `first` to first + count - 1, in addition to `arrays`; None if it needs no others.
    digest: the digest of the images, see `hashing.of_array`; '' if it is not yet computed.
    about: a description of the data and its placement, for messages.
    labels: all labels, int32 [N]; None for a dataset without labels and for data that is sampled for
      every batch.
    classes: the names of the labels; empty if they have no names.
    drawn_labels: the number of labels of data that is sampled for every batch; 0 for other data.
    order: the order of the examples of a dataset; None for data that is sampled for every batch.
    held_out: makes the source of the examples that training never sees; it raises ConfigError if the
      settings hold out none. None for data that cannot hold out examples.
    parts: {field: source} of a combination, see `combinators`; empty for other sources.
  """

  arrays: Mapping[str, np.ndarray]
  batch: Callable[[Mapping[str, jax.Array], jax.Array, jax.Array], Mapping[str, jax.Array]]
  modes: Any = None
  images: Images | None = None
  split: str = 'train'
  read_batches: Callable[[int, int, np.ndarray], Mapping[str, np.ndarray]] | None = None
  digest: str = ''
  about: str = ''
  labels: np.ndarray | None = None
  classes: tuple[str, ...] = ()
  drawn_labels: int = 0
  order: Order | None = None
  held_out: Callable[[], 'Source'] | None = None
  parts: Mapping[str, 'Source'] = {}


MakeSource = Callable[[int], Source]
"""A seed -> a source. A parameter of `load` with this annotation takes a spec, see `make_source`."""


def label_count(source: Source) -> int:
  """Returns the number of different labels of a source; 0 for data without labels."""
  if source.labels is None:
    return source.drawn_labels
  return len(source.classes) or int(np.max(source.labels)) + 1


def arrays_of(source: Source, first: int, count: int, rows: np.ndarray) -> Mapping[str, np.ndarray]:
  """Returns all arrays that `source.batch` needs for these rows of `count` batches from `first` on."""
  if source.read_batches is None:
    return dict(source.arrays)
  return {**source.arrays, **source.read_batches(first, count, rows)}


def example(source: Source) -> dict[str, jax.ShapeDtypeStruct]:
  """Returns the shapes [1, ...] and types of a batch of one example; nothing is computed."""
  row = np.zeros(1, np.int32)
  return dict(jax.eval_shape(source.batch, arrays_of(source, 0, 1, row), 0, row))


def digest(source: Source) -> str:
  """Returns the digest of all images and labels; '' for data that is sampled for every batch."""
  if source.parts:
    parts = {field: digest(part) for field, part in source.parts.items()}
    return hashing.of_texts(parts) if any(parts.values()) else ''
  if source.images is None:
    return ''
  images = source.digest or hashing.of_array(source.images)
  labels = '' if source.labels is None else hashing.of_array(source.labels)
  return hashing.of_texts({'images': images, 'labels': labels})


_LANES = 128


def flattened(images: np.ndarray) -> np.ndarray:
  """Returns images [N, ...] as rows of bytes [N, M], padded with zeros to a multiple M of 128.

  A TPU stores such rows as they are. It would copy rows of other lengths into a new layout in each
  call.
  """
  rows = images.reshape(len(images), -1)
  missing = -rows.shape[1] % _LANES
  return np.pad(rows, ((0, 0), (0, missing))) if missing else rows


def flattened_size(shape: Sequence[int]) -> int:
  """Returns the bytes that `flattened` images of a shape [N, ...] take."""
  each = math.prod(shape[1:])
  return shape[0] * (each + -each % _LANES)


def unflattened(rows: jax.Array, shape: Sequence[int]) -> jax.Array:
  """Inverts `flattened`: rows [..., M] become images [..., *shape]."""
  return rows[..., : math.prod(shape)].reshape(*rows.shape[:-1], *shape)
