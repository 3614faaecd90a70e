"""Feature statistics of the real examples that scores compare with, computed once and cached."""

import io
import pathlib
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.common import cache, hashing
from gan_jax.common.files import write_atomic
from gan_jax.data.source import HELD_OUT, Images, Source
from gan_jax.evaluation.feature_extraction import FeatureStatistics, collect_set
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import processes

NUM_STORED = 10_000
"""Number of real examples whose features are stored, for scores that compare single examples."""

ORDER_SEED = 0
"""Seed of the order in which the examples of a dataset are processed."""

_LAST_BATCH = 2**31 - 1


class Reference(NamedTuple):
  """Real examples.

  Attributes:
    statistics: their features, images, and, where the data has them, labels.
    card: the entries 'data_digest', 'split' and 'real' (their number) of the score card.
  """

  statistics: FeatureStatistics
  card: dict[str, Any]


def real_statistics(
  source: Source, network: FeatureNetwork, fresh: int, warn: Callable[[str], None]
) -> Reference:
  """Returns the feature statistics of real examples, from the cache if it has them.

  All examples of a dataset are processed, in a fixed order. A source without a dataset draws new
  points, on which no run ever trains. The other fields of a combination are not drawn.

  Args:
    source: source of the data.
    network: feature network.
    fresh: number of points to draw if the source has no dataset.
    warn: called with a message about a cache file that is corrupt or cannot be written.
  """
  if source.images is None:
    points, labels = fresh_examples(source, fresh)
    split = HELD_OUT if source.split == HELD_OUT else 'newly drawn'
    card = {'data_digest': hashing.of_array(points), 'split': split, 'real': len(points)}
    return Reference(collect_set(network, points, len(points)).with_labels(labels), card)
  reference = of_images(source.images, source.split, source.digest, network, warn)
  return _labeled(reference, source.labels)


def of_images(
  images: Images,
  split: str,
  digest: str,
  network: FeatureNetwork,
  warn: Callable[[str], None],
  is_cached: bool = True,
) -> Reference:
  """Returns the feature statistics of all examples of a dataset, from the cache if it has them.

  Args:
    images: uint8 [N, height, width, channels], or points, float32 [N, D].
    split: the split of the dataset, for the card.
    digest: the digest of the examples, see `hashing.of_array`; '' if it is not yet computed.
    network: feature network.
    warn: called with a message about a cache file that is corrupt or cannot be written.
    is_cached: whether the cache is read and written.
  """
  total = len(images)
  order = order_of(total)
  card = {'data_digest': digest or hashing.of_array(images), 'split': split, 'real': total}
  if not is_cached:
    return Reference(collect_set(network, images, NUM_STORED, order), card)
  path = _cache_path(card, network)
  statistics = _read(path, warn)
  has_file = processes.unanimous(statistics is not None)
  if statistics is None or not has_file:
    statistics = computed = collect_set(network, images, NUM_STORED, order)
    processes.on_primary(lambda: _write(path, computed, warn))
  return Reference(statistics._replace(images=images[order[:NUM_STORED]]), card)


def order_of(total: int) -> np.ndarray:
  """Returns the order, indices [total], in which the examples of a dataset are processed."""
  # Datasets can be sorted by class, and some scores use only the first examples.
  return np.random.default_rng(ORDER_SEED).permutation(total)


def _labeled(reference: Reference, labels: np.ndarray | None) -> Reference:
  """Returns real examples of a dataset with their labels, which the cache does not have."""
  if labels is None:
    return reference
  ordered = labels[order_of(len(labels))]
  return reference._replace(statistics=reference.statistics.with_labels(ordered))


def labeled_examples(source: Source) -> tuple[Images, np.ndarray]:
  """Returns all examples of a dataset as they are stored, and their labels, int32 [N].

  A source without a dataset gives `NUM_STORED` of its last possible batch, as inputs of networks.
  """
  examples, labels = source.images, source.labels
  if examples is None:
    examples, labels = fresh_examples(source, NUM_STORED)
  assert labels is not None, 'the source has labels'
  return examples, labels


def fresh_examples(source: Source, num: int) -> tuple[np.ndarray, np.ndarray | None]:
  """Returns the first `num` examples of the last possible batch, and their labels or None."""
  if source.parts:
    return fresh_examples(source.parts['real'], num)
  batch = jax.device_get(jax.jit(source.batch)(source.arrays, _LAST_BATCH, np.arange(num)))
  return batch['real'], batch.get('label')


def _cache_path(card: dict[str, Any], network: FeatureNetwork) -> pathlib.Path:
  key = {name: str(value) for name, value in card.items()}
  key['network'] = network.name
  key['weights'] = network.digest
  key['resizer'] = network.resizer
  key['stored'] = f'{NUM_STORED} in order {ORDER_SEED}'
  return cache.folder() / 'statistics' / f'{network.name}_{hashing.of_texts(key)[:16]}.npz'


def _write(path: pathlib.Path, statistics: FeatureStatistics, warn: Callable[[str], None]) -> None:
  buffer = io.BytesIO()
  moments = statistics.moments._asdict()
  np.savez(buffer, **moments, features=statistics.features, logits=statistics.logits)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue(), shared=True)
  except OSError as error:
    warn(f'{path} cannot be written ({error.strerror}); the next run will compute it again')


def _read(path: pathlib.Path, warn: Callable[[str], None]) -> FeatureStatistics | None:
  """Returns cached statistics without images; None if the file is missing or corrupt."""
  try:
    with np.load(path) as file:
      moments = frechet.Moments(**{name: file[name] for name in frechet.Moments._fields})
      return FeatureStatistics(moments, file['features'], file['logits'], images=np.empty(0))
  except FileNotFoundError:
    return None
  except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
    warn(f'{path} is corrupt ({error}); computing it again')
    return None
