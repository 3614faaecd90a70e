"""Rounds PNG files of 16 bits a channel to 8 bits. Pillow alone cuts off the low bytes of most kinds.

Pillow's own decoder yields both bytes of a channel, if it is asked twice: its raw mode `RGB;16B` keeps
the first byte of each two, `RGB;16L` the second. The bytes of grey with alpha are those of an RGBA
picture of 8 bits.
"""

import io
from collections.abc import Callable
from typing import cast

import numpy as np
from PIL import Image, ImageFile

_Bytes = tuple[np.ndarray, np.ndarray]
"""The high and the low bytes, uint8 [height, width, channels] each."""


def is_deep(image: ImageFile.ImageFile) -> bool:
  """Returns whether a picture, opened and not yet loaded, is a PNG of 16 bits a channel."""
  return image.format == 'PNG' and any(tile.args in _KINDS for tile in image.tile)


def shallow(image: ImageFile.ImageFile, content: bytes) -> Image.Image:
  """Returns a picture of 16 bits a channel with 8 bits, as L, LA, RGB or RGBA.

  Args:
    image: opened and not yet loaded, see `is_deep`.
    content: of its file.
  """
  high, low = _KINDS[cast(str, image.tile[0].args)](content)
  image.load()
  rounded, clear = _rounded(high, low), image.info.get('transparency')
  if clear is not None:
    # A color that means transparent is compared with all 16 bits.
    wanted = np.array(clear).reshape(-1)
    same = (high == wanted >> 8) & (low == wanted & 255)
    alpha = np.where(same.all(axis=-1, keepdims=True), 0, 255).astype(np.uint8)
    rounded = np.concatenate([rounded, alpha], axis=-1)
  made = Image.fromarray(rounded[..., 0] if rounded.shape[-1] == 1 else rounded, _mode(rounded))
  made.info = {key: value for key, value in image.info.items() if key != 'transparency'}
  return made


def _mode(channels: np.ndarray) -> str:
  return ('L', 'LA', 'RGB', 'RGBA')[channels.shape[-1] - 1]


def _rounded(high: np.ndarray, low: np.ndarray) -> np.ndarray:
  """Returns rint(v / 257) of v = 256 * high + low = 257 * high + (low - high); there are no ties."""
  apart = low.astype(np.int16) - high
  return high + (apart > 128) - (apart < -128).astype(np.uint8)


def _read(content: bytes, raw: str) -> np.ndarray:
  """Returns the pixels of a PNG that is decoded as if it had another raw mode of the same length."""
  with Image.open(io.BytesIO(content), formats=('PNG',)) as image:
    image.tile = [tile._replace(args=raw) for tile in image.tile]
    return np.asarray(image)


def _grey(content: bytes) -> _Bytes:
  values = _read(content, 'I;16B')[..., None]
  return (values >> 8).astype(np.uint8), (values & 255).astype(np.uint8)


def _grey_and_alpha(content: bytes) -> _Bytes:
  pixels = _read(content, 'RGBA')
  return pixels[..., ::2], pixels[..., 1::2]


def _colors(mode: str) -> Callable[[bytes], _Bytes]:
  return lambda content: (_read(content, f'{mode};16B'), _read(content, f'{mode};16L'))


_KINDS = {
  'I;16B': _grey,
  'LA;16B': _grey_and_alpha,
  'RGB;16B': _colors('RGB'),
  'RGBA;16B': _colors('RGBA'),
}
"""{Pillow's raw mode: how to read it}."""
