"""Images that a program gives as arrays, `arrays:<digest>`, see `from_arrays`."""

import warnings
from typing import Any

import numpy as np

from gan_jax.common import hashing, pixels
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.held_out import place_fraction
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.data.source import Source

_given: dict[str, ImageSet] = {}
"""The arrays that this process was given, by their digest."""


def from_arrays(
  images: np.ndarray, labels: np.ndarray | None = None, held_out: float = 0.0
) -> dict[str, Any]:
  """Makes a dataset of arrays, and returns the value of the key `data` of a config that names it.

  The config names the arrays by their digest. A process that resumes or evaluates the run must call
  this function with the same arrays first.

  Args:
    images: [N, height, width, 1 or 3] or [N, height, width], uint8 or floats in [-1, 1].
    labels: [N], whole numbers from 0; or None.
    held_out: the expected fraction of images that training never sees, see `load`.

  Raises:
    ConfigError: arrays of another type or shape, or floats out of range.

  Warns:
    UserWarning: no float is negative, as if they were scaled to [0, 1], or a label between 0 and the
      largest one has no image.

  Example:
    >>> import gan_jax, numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (100, 28, 28, 1), np.uint8)
    >>> config = gan_jax.load_config('gan:test', data=gan_jax.from_arrays(images))
    >>> gan_jax.train(config, 'runs/mine').sample(4).shape
    device: ...
    (4, 28, 28, 1)
  """
  stored = _as_bytes(np.asarray(images))
  numbers = None if labels is None else _as_labels(np.asarray(labels), len(stored))
  parts = {'images': hashing.of_array(stored)}
  if numbers is not None:
    parts['labels'] = hashing.of_array(numbers)
  name = hashing.of_texts(parts)[:16]
  _given[name] = ImageSet(stored, numbers, f'arrays:{name}', digest=parts['images'])
  data: dict[str, Any] = {'name': f'arrays:{name}'}
  if held_out:
    data['held_out'] = held_out
  return data


def load(
  seed: int,
  batch_size: int,
  placement: str,
  suffix: str,
  *,
  flip: bool = False,
  held_out: float = 0.0,
) -> Source:
  """Returns a source of the arrays with this digest.

  Args:
    seed: of the shuffled order.
    batch_size: global.
    placement: see `placement.place`.
    suffix: the digest.
    flip: whether to mirror each image left to right with probability one half.
    held_out: the expected fraction of images that training never sees; at least 0, below 1. A digest of
      the bytes of an image decides, so equal images are in the same part.

  Raises:
    ConfigError: this process was not given these arrays, or a setting is out of its range.
  """
  if suffix not in _given:
    raise ConfigError(
      f'data.name=arrays:{suffix}: this process has no such arrays (given: '
      f'{", ".join(_given) or "none"}); call gan_jax.from_arrays with the arrays of the run first'
    )
  images = _given[suffix]
  contents = (image.tobytes() for image in images.images)
  return place_fraction(images, contents, held_out, seed, batch_size, placement, flip)


def _as_bytes(images: np.ndarray) -> np.ndarray:
  if images.ndim == 3:
    images = images[..., None]
  if (
    images.ndim != 4
    or not images.size
    or images.dtype.kind not in 'uf'
    or images.shape[3] not in (1, 3)
  ):
    raise ConfigError(
      f'images={images.dtype} {list(images.shape)}: wrong type or shape ([N, height, width, 1 or 3], '
      'uint8 or floats in [-1, 1]); convert the images'
    )
  if images.dtype == np.uint8:
    return np.ascontiguousarray(images)
  if images.dtype.kind != 'f' or not np.isfinite(images).all() or np.abs(images).max() > 1:
    raise ConfigError(
      f'images={images.dtype} from {images.min():g} to {images.max():g}: out of range (uint8, or '
      'floats from -1 to 1); scale the images'
    )
  if images.min() >= 0:
    warnings.warn(
      f'images={images.dtype} from {images.min():g} to {images.max():g}: no value is negative (-1 is '
      'black, and 1 is white); if 0 is black, use 2 * images - 1',
      stacklevel=3,
    )
  return pixels.to_bytes(images)


def _as_labels(labels: np.ndarray, count: int) -> np.ndarray:
  if labels.shape != (count,) or labels.dtype.kind not in 'iu' or labels.min() < 0:
    raise ConfigError(
      f'labels={labels.dtype} {list(labels.shape)}: wrong type, shape or range (whole numbers from 0, '
      f'[{count}]); change the labels'
    )
  missing = np.setdiff1d(np.arange(labels.max() + 1), labels)
  if len(missing):
    warnings.warn(
      f'labels: no image has the label {missing[0]} (all whole numbers from 0 to {labels.max()} are '
      'classes); number the labels from 0 without gaps',
      stacklevel=3,
    )
  return labels.astype(np.int32)
