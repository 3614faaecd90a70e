"""Pictures of samples beside the training images nearest to them."""

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from gan_jax.common import pixels
from gan_jax.data.source import Images, Source
from gan_jax.metrics.distances import nearest
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.visualization import page

NEIGHBORS = 3
"""Training images beside each sample."""

_SAMPLES = 12
_COMPARED = 200
_BATCH = 500
_CHUNK = 10_000
_BYTES = 2**28

Features = Callable[[np.ndarray], np.ndarray]
"""uint8 images [N, height, width, channels] -> vectors [N, D] that are compared."""


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
    networks: feature networks that define distances, besides pixels.
    reason: reason for which `source` is None.
  """
  if samples.ndim == 2:
    return {'left_out': 'Every step draws new points: the generator cannot memorize a dataset.'}
  if source is None or source.images is None:
    return {'left_out': reason or 'The data has no stored images to search.'}
  samples, bank, indices = samples[:_SAMPLES], source.images, _searched(source.images)
  spaces = {'pixels': _save_sheet(folder, 'pixels', samples, bank, indices, _pixels)}
  for network in networks:
    features = functools.partial(_features, network)
    spaces[network.name] = _save_sheet(folder, network.name, samples, bank, indices, features)
  return {'spaces': spaces}


def _pixels(images: np.ndarray) -> np.ndarray:
  return images.reshape(len(images), -1)


def _features(network: FeatureNetwork, images: np.ndarray) -> np.ndarray:
  """Returns features [N, D] of uint8 images, computed in batches on one device."""
  apply = jax.jit(lambda params, batch: network.apply(params, batch).features)
  firsts = range(0, len(images), _BATCH)
  return np.concatenate([np.asarray(apply(network.params, images[i : i + _BATCH])) for i in firsts])


def _save_sheet(
  folder: pathlib.Path,
  space: str,
  samples: np.ndarray,
  bank: Images,
  indices: np.ndarray,
  features: Features,
) -> dict[str, Any]:
  """Draws a sheet whose rows are a sample and its neighbors, and returns its caption and distances."""
  compared = indices[np.unique(np.linspace(0, len(indices) - 1, _COMPARED).astype(int))]
  queries = features(np.concatenate([samples, bank[compared]]))
  # Pixels are compared as bytes, which needs no copy of the dataset, and reported as in [-1, 1].
  unit = 127.5 if queries.dtype == np.uint8 else 1
  neighbors, dists = _nearest(queries, bank, indices, features, min(NEIGHBORS, len(indices)))
  of_samples, of_compared = np.split(dists / unit, [len(samples)])
  neighbors = neighbors[: len(samples)]
  rows = np.concatenate([samples[:, None], bank[neighbors]], axis=1)
  pixels.save_png(folder / page.NEIGHBORS.format(space), _sheet(rows))
  return {
    'title': 'In pixels' if space == 'pixels' else f'In the features of {space}',
    'text': _scale(of_compared, unit) + _searched_text(bank, indices),
    'distances': of_samples.tolist(),
    'index': neighbors.tolist(),
  }


def _sheet(images: np.ndarray) -> np.ndarray:
  """Returns images [rows, columns, height, width, channels] as one picture without gaps."""
  rows, columns, height, width, channels = images.shape
  return images.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def _searched(bank: Images) -> np.ndarray:
  """Returns the indices of the training images to search: all, or a random subset of a large dataset.

  Searching more than a subset would take minutes.
  """
  most = max(_BYTES * len(bank) // bank.nbytes, 1)
  if len(bank) <= most:
    return np.arange(len(bank))
  return np.sort(np.random.default_rng(0).choice(len(bank), most, replace=False))


def _searched_text(bank: Images, indices: np.ndarray) -> str:
  if len(indices) == len(bank):
    return ''
  return f' Searched: a random subset of {len(indices):,} of the {len(bank):,} training images.'


def _nearest(
  queries: np.ndarray, bank: Images, indices: np.ndarray, features: Features, k: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns indices [N, k] and distances [N, k] of the nearest images among those at `indices`.

  It computes the features of one chunk of images at a time.
  """
  nearest_of_chunks = []
  for first in range(0, len(indices), _CHUNK):
    chunk = indices[first : first + _CHUNK]
    index, dists = nearest(queries, features(bank[chunk]), min(k, len(chunk)))
    nearest_of_chunks.append((chunk[index], dists))
  index, dists = (np.concatenate(arrays, axis=1) for arrays in zip(*nearest_of_chunks, strict=True))
  order = np.argsort(dists, axis=1, kind='stable')[:, :k]
  return np.take_along_axis(index, order, 1), np.take_along_axis(dists, order, 1)


def _scale(dists: np.ndarray, unit: float) -> str:
  """Describes the distances; the scale is given by the distances [N, k] between training images."""
  kind = 'Euclidean distance, pixels from -1 to 1' if unit != 1 else 'Euclidean distance'
  if dists.shape[1] < 2:
    return f'{kind}.'
  median = np.median(dists[:, 1])
  return (
    f'{kind}. For {len(dists)} training images the median distance to the nearest other one is '
    f'{median:.3g}.'
  )
