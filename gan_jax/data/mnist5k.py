"""5,000 handwritten digits, 500 of each class, shipped with this package: no network needed.

They are images of MNIST (LeCun et al. 1998). The file mnist5k.txt says where they come from, and names
their license.
"""

import pathlib

import numpy as np
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.source import Source

_FILE = pathlib.Path(__file__).with_suffix('.npz')


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


def load(
  seed: int, batch_size: int, placement: str = 'auto', *, size: int = 28, channels: int = 1
) -> Source:
  """Returns a source of the digits, light on dark.

  Args:
    seed: the seed of the shuffled order.
    batch_size: the global batch size.
    placement: see `placement.place`.
    size: height and width. The original size is 28; others are resized (bicubic).
    channels: 1, or 3 equal channels.

  Raises:
    ConfigError: `size` or `channels` is out of range.
  """
  if channels not in (1, 3):
    raise ConfigError(f'data.channels={channels}: not supported (1 or 3); change data.channels')
  images, labels = digits(size)
  images = np.repeat(images[..., None], channels, axis=-1)
  return place(ImageSet(images, labels, 'mnist5k'), seed, batch_size, placement)
