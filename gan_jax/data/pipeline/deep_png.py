"""Rounds PNG images with 16 bits per channel to 8 bits. Pillow truncates most kinds instead.

Pillow's decoder yields both bytes of a channel if it is called twice. Its raw mode `RGB;16B` keeps the
first byte of each pair, `RGB;16L` the second. The bytes of a gray image with alpha are read as an RGBA
image with 8 bits per channel.
"""

import io
from collections.abc import Callable
from typing import cast

import numpy as np
from PIL import Image, ImageFile

_Bytes = tuple[np.ndarray, np.ndarray]
"""The high and the low bytes, uint8 [height, width, channels] each."""


def is_deep(image: ImageFile.ImageFile) -> bool:
  """Returns whether an image, opened but not yet loaded, is a PNG with 16 bits per channel."""
  return image.format == 'PNG' and any(tile.args in _KINDS for tile in image.tile)


def shallow(image: ImageFile.ImageFile, content: bytes) -> Image.Image:
  """Returns an image with 16 bits per channel rounded to 8 bits, as L, LA, RGB, or RGBA.

  Args:
    image: opened but not yet loaded, see `is_deep`.
    content: the bytes of its file.
  """
  high, low = _KINDS[cast(str, image.tile[0].args)](content)
  image.load()
  channels = _rounded(high, low)
  transparent_color = image.info.get('transparency')
  if transparent_color is not None:
    # The transparent color is compared with all 16 bits.
    color = np.array(transparent_color).reshape(-1)
    same = (high == color >> 8) & (low == color & 255)
    alpha = np.where(same.all(axis=-1, keepdims=True), 0, 255).astype(np.uint8)
    channels = np.concatenate([channels, alpha], axis=-1)
  pixels = channels[..., 0] if channels.shape[-1] == 1 else channels
  result = Image.fromarray(pixels, _mode(channels))
  result.info = {key: value for key, value in image.info.items() if key != 'transparency'}
  return result


def _mode(channels: np.ndarray) -> str:
  return ('L', 'LA', 'RGB', 'RGBA')[channels.shape[-1] - 1]


def _rounded(high: np.ndarray, low: np.ndarray) -> np.ndarray:
  """Returns rint(v / 257) for v = 256 * high + low = 257 * high + (low - high); ties cannot occur."""
  diff = low.astype(np.int16) - high
  return high + (diff > 128) - (diff < -128).astype(np.uint8)


def _read(content: bytes, raw: str) -> np.ndarray:
  """Returns the pixels of a PNG, decoded with another raw mode of the same length."""
  with Image.open(io.BytesIO(content), formats=('PNG',)) as image:
    image.tile = [tile._replace(args=raw) for tile in image.tile]
    return np.asarray(image)


def _gray(content: bytes) -> _Bytes:
  values = _read(content, 'I;16B')[..., None]
  return (values >> 8).astype(np.uint8), (values & 255).astype(np.uint8)


def _gray_and_alpha(content: bytes) -> _Bytes:
  pixels = _read(content, 'RGBA')
  return pixels[..., ::2], pixels[..., 1::2]


def _colors(mode: str) -> Callable[[bytes], _Bytes]:
  return lambda content: (_read(content, f'{mode};16B'), _read(content, f'{mode};16L'))


_KINDS = {
  'I;16B': _gray,
  'LA;16B': _gray_and_alpha,
  'RGB;16B': _colors('RGB'),
  'RGBA;16B': _colors('RGBA'),
}
"""{Pillow's raw mode: the function that reads it}."""
