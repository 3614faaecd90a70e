"""Divides a dataset of images into those of training and those that training never sees."""

import hashlib
import math
from collections.abc import Iterable
from types import EllipsisType
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_jax.common import hashing, numerics
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.source import HELD_OUT, Images, Source

_CHUNK = 64


class Selected:
  """The images at some indices of a dataset, read on demand, with the interface of `Rows`.

  Attributes:
    shape: [N, height, width, channels].
  """

  dtype = np.dtype(np.uint8)
  ndim = 4

  def __init__(self, images: Images, indices: np.ndarray):
    """Selects the images at `indices` [N]."""
    self.shape = (len(indices), *images.shape[1:])
    self._images = images
    self._indices = indices

  @property
  def nbytes(self) -> int:
    """The bytes of all images."""
    return math.prod(self.shape)

  def __len__(self) -> int:
    return self.shape[0]

  def __getitem__(self, indices: Any) -> np.ndarray:
    chosen = slice(None) if isinstance(indices, EllipsisType) else indices
    return self._images[self._indices[chosen]]

  def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
    return self[...] if dtype is None else self[...].astype(dtype)


def selected(images: ImageSet, indices: np.ndarray) -> ImageSet:
  """Returns the dataset of the images at `indices` [M], with their labels and their digest."""
  chosen = Selected(images.images, indices)
  chunks = (chosen[first : first + _CHUNK] for first in range(0, len(chosen), _CHUNK))
  return images._replace(
    images=chosen,
    labels=None if images.labels is None else images.labels[indices],
    digest=hashing.of_chunks(chunks, chosen.shape, chosen.dtype),
    indices=indices if images.indices is None else images.indices[indices],
  )


def place_parts(
  images: ImageSet,
  is_held_out: np.ndarray,
  missing: str,
  seed: int,
  batch_size: int,
  placement: str = 'auto',
  flip: bool = False,
) -> Source:
  """Returns a source of the images of training; its `held_out` makes one of the others.

  Held-out images are never mirrored.

  Args:
    images: the whole dataset.
    is_held_out: bool [N], whether training never sees an image.
    missing: the message of the error if the held-out images are asked for, and none is held out.
    seed, batch_size, placement, flip: see `placement.place`.

  Raises:
    ConfigError: see `placement.place`.
  """

  def held_out() -> Source:
    if not is_held_out.any():
      raise ConfigError(missing)
    chosen = selected(images, np.flatnonzero(is_held_out))
    return place(chosen._replace(split=HELD_OUT), seed, batch_size, placement)

  training = selected(images, np.flatnonzero(~is_held_out)) if is_held_out.any() else images
  return place(training, seed, batch_size, placement, flip)._replace(held_out=held_out)


def place_fraction(
  images: ImageSet,
  contents: Iterable[bytes],
  fraction: float,
  seed: int,
  batch_size: int,
  placement: str,
  flip: bool,
) -> Source:
  """Does the same as `place_parts`, and chooses each image by a digest, independently of the others.

  Args:
    images: the whole dataset.
    contents: what identifies each image, in the order of the images; equal contents share a part.
    fraction: the expected fraction of images that are held out; at least 0, below 1.
    seed, batch_size, placement, flip: see `placement.place`.

  Raises:
    ConfigError: `fraction` is out of its range; see also `placement.place`.
  """
  if not numerics.is_within(fraction, below=1):
    raise ConfigError(
      f'data.held_out={fraction!r}: out of range (at least 0, below 1); change data.held_out'
    )
  is_held_out = np.zeros(len(images.images), bool)
  if fraction:
    is_held_out = digest_fractions(contents) < fraction
  missing = (
    f'data.held_out={fraction}: no image of {images.name} is held out (a fraction above 0, below 1); '
    'raise data.held_out'
  )
  return place_parts(images, is_held_out, missing, seed, batch_size, placement, flip)


def digest_fractions(contents: Iterable[bytes]) -> np.ndarray:
  """Returns a number in [0, 1] for each content, float64 [N]: its SHA-256 as a binary fraction."""
  firsts = [hashlib.sha256(content).digest()[:8] for content in contents]
  return np.array([int.from_bytes(first) for first in firsts], np.uint64) / 2.0**64
