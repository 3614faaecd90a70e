"""Pictures of samples beside the training examples nearest to them."""

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import modalities
from gan_jax.common import pixels
from gan_jax.data.source import Images, Source
from gan_jax.metrics.distances import nearest
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.modalities import Space
from gan_jax.modalities.base import Vectors
from gan_jax.visualization import page

NEIGHBORS = 3
"""Training examples beside each sample."""

_SAMPLES = 12
_COMPARED = 200
_BATCH = 500
_CHUNK = 10_000
_BYTES = 2**28


class _Bank(NamedTuple):
  """The training examples, the indices of those that are searched, and what they are called."""

  examples: Images
  indices: np.ndarray
  name: str


def save(
  folder: pathlib.Path,
  samples: np.ndarray,
  source: Source | None,
  networks: Sequence[FeatureNetwork],
  reason: str,
) -> dict[str, Any]:
  """Draws a sheet of neighbors per feature space, and returns their captions and distances.

  Returns {'left_out': reason} instead if the neighbors cannot be drawn.

  Args:
    folder: folder of the pictures.
    samples: images, uint8, or points [N, D].
    source: the run's data; None if it is not available.
    networks: feature networks that define distances, besides the space of the modality.
    reason: reason for which `source` is None.
  """
  modality = modalities.of_shape(samples.shape)
  shown = modality.inspection.neighbors
  if shown is None:
    return {'left_out': modality.inspection.left_out}
  if source is None or source.images is None:
    return {'left_out': reason or 'The data has no stored images to search.'}
  bank = _searched(source.images, modality.name)
  sheets = _Sheets(folder, samples[:_SAMPLES], bank, shown.sheet)
  return {
    'examples': {'one': modality.one, 'many': modality.name},
    'spaces': {space.name: sheets.save(space) for space in (shown.space, *map(_space, networks))},
  }


def _space(network: FeatureNetwork) -> Space:
  """Returns the space of the features of a network."""
  return Space(
    name=network.name,
    title=f'In the features of {network.name}',
    distance='Euclidean distance',
    vectors=functools.partial(_features, network),
  )


def _features(network: FeatureNetwork, examples: np.ndarray) -> np.ndarray:
  """Returns features [N, D] of stored examples, computed in batches on one device."""
  apply = jax.jit(lambda params, batch: network.apply(params, batch).features)
  firsts = range(0, len(examples), _BATCH)
  return np.concatenate([np.asarray(apply(network.params, examples[i : i + _BATCH])) for i in firsts])


class _Sheets(NamedTuple):
  """Draws sheets of samples and their neighbors."""

  folder: pathlib.Path
  samples: np.ndarray
  bank: _Bank
  sheet: Callable[[np.ndarray], np.ndarray]

  def save(self, space: Space) -> dict[str, Any]:
    """Draws a sheet whose rows are a sample and its neighbors; returns its caption and distances."""
    examples, indices, name = self.bank
    compared = indices[np.unique(np.linspace(0, len(indices) - 1, _COMPARED).astype(int))]
    queries = space.vectors(np.concatenate([self.samples, examples[compared]]))
    neighbors, dists = _nearest(queries, self.bank, space.vectors, min(NEIGHBORS, len(indices)))
    of_samples, of_compared = np.split(dists / space.unit, [len(self.samples)])
    neighbors = neighbors[: len(self.samples)]
    rows = np.concatenate([self.samples[:, None], examples[neighbors]], axis=1)
    pixels.save_png(self.folder / page.NEIGHBORS.format(space.name), self.sheet(rows))
    return {
      'title': space.title,
      'text': _scale(space, of_compared, name) + _searched_text(self.bank),
      'distances': of_samples.tolist(),
      'index': neighbors.tolist(),
    }


def _searched(examples: Images, name: str) -> _Bank:
  """Returns the training examples to search: all, or a random subset of a large dataset.

  Searching more than a subset would take minutes.
  """
  most = max(_BYTES * len(examples) // examples.nbytes, 1)
  if len(examples) <= most:
    return _Bank(examples, np.arange(len(examples)), name)
  chosen = np.random.default_rng(0).choice(len(examples), most, replace=False)
  return _Bank(examples, np.sort(chosen), name)


def _searched_text(bank: _Bank) -> str:
  examples, indices, name = bank
  if len(indices) == len(examples):
    return ''
  return f' Searched: a random subset of {len(indices):,} of the {len(examples):,} training {name}.'


def _nearest(
  queries: np.ndarray, bank: _Bank, vectors: Vectors, k: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns indices [N, k] and distances [N, k] of the nearest examples among those searched.

  It computes the vectors of one chunk of examples at a time.
  """
  examples, indices, _ = bank
  nearest_of_chunks = []
  for first in range(0, len(indices), _CHUNK):
    chunk = indices[first : first + _CHUNK]
    index, dists = nearest(queries, vectors(examples[chunk]), min(k, len(chunk)))
    nearest_of_chunks.append((chunk[index], dists))
  index, dists = (np.concatenate(arrays, axis=1) for arrays in zip(*nearest_of_chunks, strict=True))
  order = np.argsort(dists, axis=1, kind='stable')[:, :k]
  return np.take_along_axis(index, order, 1), np.take_along_axis(dists, order, 1)


def _scale(space: Space, dists: np.ndarray, name: str) -> str:
  """Describes the distances; the scale is given by the distances [N, k] between training examples."""
  if dists.shape[1] < 2:
    return f'{space.distance}.'
  median = np.median(dists[:, 1])
  return (
    f'{space.distance}. For {len(dists)} training {name} the median distance to the nearest other one '
    f'is {median:.3g}.'
  )
