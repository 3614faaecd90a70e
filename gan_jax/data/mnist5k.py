"""5,000 handwritten digits, 500 of each class, shipped with this package: no network needed.

They are images of MNIST (LeCun et al. 1998). The file mnist5k.txt says where they come from, and names
their license.
"""

import pathlib

import numpy as np
from PIL import Image

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.held_out import place_parts
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.data.source import Source

_FILE = pathlib.Path(__file__).with_suffix('.npz')

NONE_HELD_OUT = (
  'data.held_out=0: no digit is held out (a whole number from 1 to 499, the digits of each class that '
  'training never sees); raise data.held_out'
)
"""The error if held-out digits are asked for, and the settings hold out none."""


def _resized(images: np.ndarray, size: int) -> np.ndarray:
  if size == images.shape[1]:
    return images
  scaled = [Image.fromarray(i).resize((size, size), Image.Resampling.BICUBIC) for i in images]
  return np.stack([np.asarray(i) for i in scaled])


def digits(size: int = 28) -> tuple[np.ndarray, np.ndarray]:
  """Returns all images, light on dark, uint8 [5000, size, size], and their classes, int32 [5000].

  Args:
    size: height and width, from 1 to 512. The original size is 28; others are resized (bicubic).

  Raises:
    ConfigError: `size` is out of range.
  """
  if not 1 <= size <= 512:
    raise ConfigError(
      f'data.size={size}: out of range (a whole number from 1 to 512); change data.size'
    )
  with np.load(_FILE) as arrays:
    return _resized(arrays['images'], size), arrays['labels'].astype(np.int32)


def last_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
  """Returns whether each digit is one of the last `count` of its class, in the order of the file.

  Args:
    labels: the classes of all digits, int [N].
    count: the number of digits of each class; at least 0, below the size of a class.

  Returns:
    bool [N].

  Raises:
    ConfigError: `count` is out of its range.
  """
  most = int(np.bincount(labels).min()) - 1
  if not validation.is_whole(count, least=0) or count > most:
    raise ConfigError(
      f'data.held_out={count!r}: out of range (a whole number from 0 to {most}, the digits of each '
      'class that are held out); change data.held_out'
    )
  is_last = np.zeros(len(labels), bool)
  for label in np.unique(labels):
    is_last[np.flatnonzero(labels == label)[::-1][:count]] = True
  return is_last


def load(
  seed: int,
  batch_size: int,
  placement: str = 'auto',
  *,
  size: int = 28,
  channels: int = 1,
  held_out: int = 0,
) -> Source:
  """Returns a source of the digits, light on dark.

  Args:
    seed: the seed of the shuffled order.
    batch_size: the global batch size.
    placement: see `placement.place`.
    size: height and width. The original size is 28; others are resized (bicubic).
    channels: 1, or 3 equal channels.
    held_out: the number of digits of each class that training never sees, from 0 to 499. They are the
      last ones of their class in the order of the file.

  Raises:
    ConfigError: `size`, `channels` or `held_out` is out of range.
  """
  if channels not in (1, 3):
    raise ConfigError(f'data.channels={channels}: not supported (1 or 3); change data.channels')
  images, labels = digits(size)
  images = np.repeat(images[..., None], channels, axis=-1)
  is_held_out = last_of_each_class(labels, held_out)
  whole = ImageSet(images, labels, 'mnist5k')
  return place_parts(whole, is_held_out, NONE_HELD_OUT, seed, batch_size, placement)
