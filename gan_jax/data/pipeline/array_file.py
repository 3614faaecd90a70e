"""Images at rest in a file, of which only those that are asked for are read."""

import math
import os
import pathlib
import weakref
from types import EllipsisType

import numpy as np


class Rows:
  """Images uint8 [N, height, width, channels] in a file that holds nothing but their bytes.

  `rows[places]`, of an array of places, a slice or one place, is a NumPy array, read in that moment.
  The file is never mapped, so the memory of the process does not grow with it. Threads may read at
  once.

  Attributes:
    shape: [N, height, width, channels].
  """

  dtype = np.dtype(np.uint8)
  ndim = 4

  def __init__(self, path: pathlib.Path, shape: tuple[int, int, int, int]):
    """Opens the file.

    Raises:
      ValueError: it is not of the length that the shape says.
    """
    self.shape = tuple(shape)
    self._each = math.prod(shape[1:])
    self._file = os.open(path, os.O_RDONLY)
    weakref.finalize(self, os.close, self._file)
    length = os.fstat(self._file).st_size
    if length != self.nbytes:
      raise ValueError(f'{path} has {length:,} bytes, not the {self.nbytes:,} of {self.shape}')

  @property
  def nbytes(self) -> int:
    """Bytes of all images."""
    return len(self) * self._each

  def __len__(self) -> int:
    return self.shape[0]

  def __getitem__(self, places) -> np.ndarray:
    if isinstance(places, EllipsisType):
      places = slice(None)
    if isinstance(places, slice):
      first, last, stride = places.indices(len(self))
      if stride == 1:
        return self._read(first, max(last - first, 0))
      places = np.arange(first, last, stride)
    chosen = np.arange(len(self))[places] if np.any(np.less(places, 0)) else np.asarray(places)
    images = np.empty((chosen.size, *self.shape[1:]), np.uint8)
    for image, place in zip(images, chosen.flat, strict=True):
      self._fill(image, int(place))
    return images.reshape(*chosen.shape, *self.shape[1:])

  def __array__(self, dtype=None, copy=None) -> np.ndarray:
    return self[...] if dtype is None else self[...].astype(dtype)

  def _read(self, first: int, count: int) -> np.ndarray:
    """Images that follow each other."""
    images = np.empty((count, *self.shape[1:]), np.uint8)
    self._fill(images, first)
    return images

  def _fill(self, images: np.ndarray, first: int) -> None:
    """Reads the images from number `first` on into an array."""
    if not 0 <= first <= len(self) - images.size // self._each:
      raise IndexError(f'there is no image {first} of {len(self)}')
    left, place = images.reshape(-1).data, first * self._each
    # One call reads at most 2 GiB.
    while left:
      done = os.preadv(self._file, [left], place)
      if not done:
        raise OSError(f'the file of images ends at byte {place}')
      left, place = left[done:], place + done
