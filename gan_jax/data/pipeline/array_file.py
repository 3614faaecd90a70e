"""Images stored in a file, read on demand."""

import math
import os
import pathlib
import weakref
from types import EllipsisType
from typing import Any

import numpy as np
import numpy.typing as npt


class Rows:
  """Images uint8 [N, height, width, channels] in a file that holds only their bytes.

  `rows[indices]` reads images into a NumPy array. `indices` is an array of indices, a slice, or one
  index. The file is not mapped into memory, so the memory of the process does not grow with it.
  Several threads may read at the same time.

  Attributes:
    shape: [N, height, width, channels].
  """

  dtype = np.dtype(np.uint8)
  ndim = 4

  def __init__(self, path: pathlib.Path, shape: tuple[int, int, int, int]):
    """Opens the file.

    Raises:
      ValueError: the length of the file does not fit the shape.
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
    """The bytes of all images."""
    return len(self) * self._each

  def __len__(self) -> int:
    return self.shape[0]

  def __getitem__(self, indices: Any) -> np.ndarray:
    if isinstance(indices, EllipsisType):
      indices = slice(None)
    if isinstance(indices, slice):
      first, last, stride = indices.indices(len(self))
      if stride == 1:
        return self._read(first, max(last - first, 0))
      indices = np.arange(first, last, stride)
    has_negative = np.any(np.less(indices, 0))
    chosen = np.arange(len(self))[indices] if has_negative else np.asarray(indices)
    images = np.empty((chosen.size, *self.shape[1:]), np.uint8)
    for image, index in zip(images, chosen.flat, strict=True):
      self._fill(image, int(index))
    return images.reshape(*chosen.shape, *self.shape[1:])

  def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
    return self[...] if dtype is None else self[...].astype(dtype)

  def _read(self, first: int, count: int) -> np.ndarray:
    images = np.empty((count, *self.shape[1:]), np.uint8)
    self._fill(images, first)
    return images

  def _fill(self, images: np.ndarray, first: int) -> None:
    """Reads consecutive images into an array, from index `first` on."""
    if not 0 <= first <= len(self) - images.size // self._each:
      raise IndexError(f'image {first} is out of range; the file has {len(self)}')
    remaining = images.reshape(-1).data
    offset = first * self._each
    # One call reads at most 2 GiB.
    while remaining:
      count = os.preadv(self._file, [remaining], offset)
      if not count:
        raise OSError(f'the image file ends at byte {offset}')
      remaining = remaining[count:]
      offset += count
