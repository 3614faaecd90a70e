"""Feature statistics of many images, generated and processed in chunks on all devices."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import modalities
from gan_jax.common import rng
from gan_jax.common.types import PyTree
from gan_jax.data.source import Images
from gan_jax.game import Game, sample
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import devices

BATCH = 100
"""Images per device and chunk."""

_QUEUED = 8
"""Number of chunks after which to wait: on CPU, devices that run far apart end the process."""

_Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]

ImageFn = Callable[[PyTree, jax.Array], jax.Array]
"""(source that all devices share, indices [b]) -> images [b, H, W, C] at the indices, or points [b, D].

Images are uint8, or float32 in [-1, 1]; the latter are rounded to uint8 as in a PNG file.
"""


class NotFiniteError(Exception):
  """Raised for NaN or infinity among the samples, or among their features."""


class FeatureStatistics(NamedTuple):
  """The moments of the features of N images, and the features, logits and images of the first K.

  Attributes:
    moments: moments of the features of all N images.
    features: float32 [K, D]; all three arrays are None for K = 0.
    logits: float32 [K, classes].
    images: uint8 [K, height, width, channels], or points, float32 [K, D].
    labels: int32 [K], the classes of real examples, or the classes that samples were generated for;
      None if they are unknown.
  """

  moments: frechet.Moments
  features: np.ndarray
  logits: np.ndarray
  images: np.ndarray
  labels: np.ndarray | None = None

  def first(self, num: int) -> 'FeatureStatistics':
    """Returns the arrays of the first `num` images only; the moments remain those of all images."""
    return self._replace(
      features=self.features[:num],
      logits=self.logits[:num],
      images=self.images[:num],
      labels=None if self.labels is None else self.labels[:num],
    )

  def with_labels(self, labels: np.ndarray | None) -> 'FeatureStatistics':
    """Returns the statistics with labels of the first K images.

    Args:
      labels: integers [K or more], in the order of the images; None if they are unknown.
    """
    if labels is None or self.features is None:
      return self
    chex.assert_rank(labels, 1)
    chex.assert_type(labels, int)
    stored = np.asarray(labels[: len(self.features)], np.int32)
    chex.assert_shape(stored, (len(self.features),))
    return self._replace(labels=stored)


def generated(game: Game, seed: int, truncation: float | None = None) -> ImageFn:
  """Returns a function that samples from a game.

  Its source is (variables, the conditions of the chunk [size, ...] or None). Sample i depends on the
  seed, i, its condition, and the truncation of the latents alone.
  """

  def images(source: PyTree, indices: jax.Array) -> jax.Array:
    variables, given = source
    keys = rng.example_keys(rng.key_for(seed, 'samples'), indices)
    condition = jax.tree.map(lambda chunk: from_chunk(chunk, indices), given)
    return sample(game, variables, keys, condition, truncation)

  return images


def from_chunk(images: PyTree, indices: jax.Array) -> jax.Array:
  """Returns the images at indices into a dataset, from the chunk [size, ...] that contains them."""
  return images[indices % len(images)]


class FeatureExtractor:
  """Computes the feature statistics of images with one network; its program is compiled once."""

  def __init__(self, network: FeatureNetwork, images: ImageFn, num_stored: int, width: int):
    """Prepares the program.

    Args:
      network: the feature network.
      images: function that returns the images of a source.
      num_stored: number of images whose features, logits and pixels are stored.
      width: number of features of the network.
    """
    self._num_stored = num_stored
    self._empty = devices.replicate(frechet.empty(width))
    self._params = devices.replicate(network.params)
    self._rows = devices.shard_batch({}, BATCH * devices.device_count())['rows']
    self._process = devices.pmap_over_devices(functools.partial(_process, network, images))

  def __call__(
    self, variables: PyTree, num: int, labels: np.ndarray | None = None
  ) -> FeatureStatistics:
    """Returns the statistics of samples of a game, see `generated`, without conditions.

    Args:
      variables: of the game, which all devices share.
      num: the number of samples, from the first on, at least 1.
      labels: the classes that the samples were generated for, integers [num]; None if they are unknown.
    """
    return self.from_chunks(itertools.repeat((variables, None)), num).with_labels(labels)

  def from_chunks(self, sources: Iterable[PyTree], num: int) -> FeatureStatistics:
    """Returns the statistics of `num` images, where each source has the next `chunk_size` of them."""
    moments, chunks = self._empty, []
    for first, source in zip(range(0, num, self.chunk_size), sources, strict=False):
      shared = {'source': source, 'params': self._params, 'first': first, 'num': num}
      moments, arrays = self._process({**shared, 'moments': moments}, self._rows)
      if first < self._num_stored:
        chunks.append(arrays)
      if first // self.chunk_size % _QUEUED == 0:
        jax.block_until_ready(moments)
    moments = devices.to_host(moments)
    if not np.isfinite(moments.scatter).all():
      raise NotFiniteError('the samples or their features contain NaN or infinity')
    arrays = _joined([devices.to_host(chunk) for chunk in chunks], min(num, self._num_stored))
    return FeatureStatistics(moments, *arrays)

  @property
  def chunk_size(self) -> int:
    """The number of images of a chunk, on all devices together."""
    return BATCH * devices.device_count()


def _joined(chunks: Sequence[tuple[np.ndarray, ...]], num: int) -> _Arrays:
  """Returns the first `num` rows of the arrays in chunks; None three times without chunks."""
  if not chunks:
    # Only callers that store features read these fields, so their type leaves out None.
    return cast(_Arrays, (None, None, None))
  features, logits, images = (np.concatenate(arrays)[:num] for arrays in zip(*chunks, strict=True))
  return features, logits, images


def _process(network: FeatureNetwork, images: ImageFn, shared: PyTree, rows: jax.Array) -> PyTree:
  """Returns the updated moments, and the arrays of a chunk, of which this device computes its rows."""
  indices = shared['first'] + rows
  samples = images(shared['source'], indices)
  stored = modalities.of_shape(samples.shape).storage.from_traced(samples)
  outputs = network.apply(shared['params'], stored)
  # As bytes, NaN would be a color like any other.
  finite = jnp.isfinite(samples.astype(jnp.float32)).reshape(len(samples), -1).all(axis=1)
  features = jnp.where(finite[:, None], outputs.features, jnp.nan)
  features, logits, stored, indices = map(devices.gather, (features, outputs.logits, stored, indices))
  inside = (indices < shared['num']).astype(features.dtype)
  moments = frechet.merge(shared['moments'], frechet.moments(features, inside))
  return moments, (features, logits, stored)


def collect_set(
  network: FeatureNetwork, images: Images, num_stored: int, order: np.ndarray | None = None
) -> FeatureStatistics:
  """Returns the feature statistics of a dataset.

  Args:
    network: the feature network.
    images: uint8 [N, height, width, channels], or points [N, D].
    num_stored: number of images whose features are stored.
    order: indices [N] in the order of processing; by default the order of the dataset.
  """
  width = jax.eval_shape(network.apply, network.params, images[:1]).features.shape[1]
  extractor = FeatureExtractor(network, from_chunk, num_stored, width)
  size = extractor.chunk_size
  return extractor.from_chunks(chunks(images, size, order), len(images))


def chunks(images: Images, size: int, order: np.ndarray | None = None) -> Iterator[np.ndarray]:
  """Yields a dataset in chunks of one size; the last one is filled up with zeros.

  Args:
    images: [N, ...].
    size: of a chunk.
    order: indices [N]; by default the order of the dataset.
  """
  if order is None:
    order = np.arange(len(images))
  for first in range(0, len(images), size):
    chunk = images[order[first : first + size]]
    yield np.pad(chunk, [(0, size - len(chunk))] + [(0, 0)] * (images.ndim - 1))
