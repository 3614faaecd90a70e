"""What a feature network sees in many images, made and looked at on all devices, a part at a time."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import rng
from gan_jax.common.types import PyTree
from gan_jax.data.source import Images
from gan_jax.game import Game
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import devices

BATCH = 100
"""Images on a device at once."""

_QUEUED = 8
"""Parts after which to wait: on CPU, devices that race ahead of each other end the process."""

_Kept = tuple[np.ndarray, np.ndarray, np.ndarray]

ImageFn = Callable[[PyTree, jax.Array], jax.Array]
"""(what all devices share, places [b]) -> the images at these places [b, H, W, C], or points [b, D].

Images are uint8, or float32 in [-1, 1] and then looked at as a PNG would hold them.
"""


class NotFiniteError(Exception):
  """NaN or infinity among the samples, or in what a network makes of them."""


class FeatureStatistics(NamedTuple):
  """What was seen of N images.

  Attributes:
    moments: of the features of all of them.
    features: float32 [K, D], of the first K; all three are None where none were kept.
    logits: float32 [K, classes], of the same.
    images: uint8 [K, height, width, channels], or points, float32 [K, D].
  """

  moments: frechet.Moments
  features: np.ndarray
  logits: np.ndarray
  images: np.ndarray

  def first(self, num: int) -> 'FeatureStatistics':
    """The same of the first `num` of those that were kept alone; the moments stay those of all."""
    return self._replace(
      features=self.features[:num], logits=self.logits[:num], images=self.images[:num]
    )


def generated(game: Game, seed: int) -> ImageFn:
  """Samples of a game, from its variables; sample i depends on the seed and on i alone."""

  def images(variables: PyTree, places: jax.Array) -> jax.Array:
    keys = rng.example_keys(rng.key_for(seed, 'samples'), places)
    return game.sample(variables, keys)

  return images


def given(images: PyTree, places: jax.Array) -> jax.Array:
  """Of a part of a set [size, ...] that all devices share, those at the places of the whole set."""
  return images[places % len(images)]


class FeatureExtractor:
  """Looks at images through one network; its program is compiled once."""

  def __init__(self, network: FeatureNetwork, images: ImageFn, kept: int, width: int):
    """Prepares for `images`, of which the first `kept` are kept; the network has `width` features."""
    self._kept = kept
    self._empty = devices.replicate(frechet.empty(width))
    self._params = devices.replicate(network.params)
    self._rows = devices.shard_batch({}, BATCH * devices.device_count())['rows']
    self._look = devices.pmap_over_devices(functools.partial(_look, network, images))

  def __call__(self, source: PyTree, num: int) -> FeatureStatistics:
    """Looks at the first `num` images, at least 1, of one source that stays the same."""
    return self.parts(itertools.repeat(source), num)

  def parts(self, sources: Iterable[PyTree], num: int) -> FeatureStatistics:
    """The same of sources that each have the next `size` images."""
    moments, kept = self._empty, []
    for first, source in zip(range(0, num, self.size), sources, strict=False):
      shared = {'source': source, 'params': self._params, 'first': first, 'num': num}
      moments, seen = self._look({**shared, 'moments': moments}, self._rows)
      if first < self._kept:
        kept.append(seen)
      if first // self.size % _QUEUED == 0:
        jax.block_until_ready(moments)
    moments = devices.to_host(moments)
    if not np.isfinite(moments.scatter).all():
      raise NotFiniteError('there is NaN or infinity in what is to be scored')
    return FeatureStatistics(moments, *_joined(map(devices.to_host, kept), min(num, self._kept)))

  @property
  def size(self) -> int:
    """Images in a part, of all devices."""
    return BATCH * devices.device_count()


def _joined(parts: Iterable[tuple[np.ndarray, ...]], num: int) -> _Kept:
  """The first `num` rows of the arrays in parts; None three times, of none."""
  columns = list(zip(*parts, strict=True))
  if not columns:
    # Only callers that keep features read these fields, so their type leaves out None.
    return cast(_Kept, (None,) * 3)
  features, logits, images = (np.concatenate(column)[:num] for column in columns)
  return features, logits, images


def _stored(images: jax.Array) -> jax.Array:
  """Images as a PNG would hold them, uint8; points as they are."""
  if images.ndim == 2 or images.dtype == jnp.uint8:
    return images
  return jnp.clip(jnp.rint((images + 1) * 127.5), 0, 255).astype(jnp.uint8)


def _look(network: FeatureNetwork, images: ImageFn, shared: PyTree, rows: jax.Array) -> PyTree:
  """What one device does of a part: the moments so far, and what was seen of the whole part."""
  places = shared['first'] + rows
  made = images(shared['source'], places)
  stored = _stored(made)
  outputs = network.apply(shared['params'], stored)
  # As bytes, NaN would be a colour like any other.
  finite = jnp.isfinite(made.astype(jnp.float32)).reshape(len(made), -1).all(axis=1)
  features = jnp.where(finite[:, None], outputs.features, jnp.nan)
  features, logits, made, places = map(devices.gather, (features, outputs.logits, stored, places))
  inside = (places < shared['num']).astype(features.dtype)
  moments = frechet.merge(shared['moments'], frechet.moments(features, inside))
  return moments, (features, logits, made)


def collect_set(
  network: FeatureNetwork, images: Images, kept: int, order: np.ndarray | None = None
) -> FeatureStatistics:
  """Looks at a set of images at rest, uint8 [N, height, width, channels], or points [N, D].

  Args:
    network: that looks.
    images: the set.
    kept: of how many features are kept.
    order: places [N], in which they are looked at; None: as they come.
  """
  width = jax.eval_shape(network.apply, network.params, images[:1]).features.shape[1]
  collector = FeatureExtractor(network, given, kept, width)
  order, size = np.arange(len(images)) if order is None else order, collector.size

  def parts() -> Iterator[np.ndarray]:
    for first in range(0, len(images), size):
      part = images[order[first : first + size]]
      yield np.pad(part, [(0, size - len(part))] + [(0, 0)] * (images.ndim - 1))

  return collector.parts(parts(), len(images))
