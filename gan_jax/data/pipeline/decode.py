"""Decodes the bytes of an image file to pixels of one size."""

import io
import warnings
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import deep_png

# Images so large that Pillow warns are rejected below.
warnings.filterwarnings('ignore', category=Image.DecompressionBombWarning)

FILTERS = {
  'lanczos': Image.Resampling.LANCZOS,
  'bicubic': Image.Resampling.BICUBIC,
  'bilinear': Image.Resampling.BILINEAR,
  'box': Image.Resampling.BOX,
  'nearest': Image.Resampling.NEAREST,
}
"""Filters for resizing. All but `nearest` widen when an image shrinks, to avoid aliasing."""

MOST_PIXELS = 2**26
"""Maximum number of pixels that a header may state.

A small file can state more than memory holds (decompression bomb).
"""

_FORMATS = ('PNG', 'JPEG', 'WEBP')
_ORIENTATION_KEYS = {'exif', 'xmp', 'XML:com.adobe.xmp', 'Raw profile type exif'}
_MOST_SIZE = 4096


class BadImageError(Exception):
  """A file cannot be used as an image; the text gives the reason."""


class Framing(NamedTuple):
  """How an image is cropped, resized, and converted.

  Attributes:
    size: height and width of the result; 0 keeps the size of the crop.
    crop: side of the central square crop; 0 for the largest square, or for no crop if `size` is 0.
    channels: 1 or 3.
    filter: the filter for resizing, a key of FILTERS.
    background: the gray value, 0 to 255, behind transparent pixels.
  """

  size: int = 0
  crop: int = 0
  channels: int = 3
  filter: str = 'lanczos'
  background: int = 255


def check(framing: Framing) -> None:
  """Raises ConfigError if a setting is out of its range."""
  for key in ('size', 'crop'):
    _check_whole(key, getattr(framing, key), _MOST_SIZE)
  _check_whole('background', framing.background, 255)
  if framing.channels not in (1, 3):
    raise ConfigError(f'data.channels={framing.channels}: not supported (1 or 3); change data.channels')
  if framing.filter not in FILTERS:
    raise ConfigError(
      f'data.filter={framing.filter!r}: unknown filter ({", ".join(FILTERS)}); change data.filter'
    )


def _check_whole(key: str, value: int, most: int) -> None:
  if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
    raise ConfigError(
      f'data.{key}={value!r}: out of range (a whole number from 0 to {most}); change data.{key}'
    )


def pixels(content: bytes, framing: Framing) -> np.ndarray:
  """Returns the pixels of a PNG, JPEG, or WebP file as a viewer displays them.

  The image is rotated as its EXIF data state, palettes are resolved, transparent pixels are blended
  with the background, and 16 bits per channel are rounded to 8.

  Args:
    content: the bytes of the file.
    framing: the crop, the size, and the channels of the result.

  Returns:
    uint8 [height, width, channels].

  Raises:
    BadImageError: the file is empty, corrupt, or not a PNG, JPEG, or WebP file. It is also raised for
      an animation, for CMYK (whose colors depend on a press), for more than MOST_PIXELS pixels, and
      for an image smaller than the crop.
  """
  if not content:
    raise BadImageError('the file is empty')
  try:
    return _framed(_opened(content), framing)
  except BadImageError:
    raise
  except Exception as error:
    # Decoders raise errors of many types for a corrupt file.
    raise BadImageError(f'{type(error).__name__}: {error}') from error


def _opened(content: bytes) -> Image.Image:
  try:
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
  except Image.UnidentifiedImageError as error:
    raise BadImageError('not a PNG, JPEG, or WebP file') from error
  except Image.DecompressionBombError as error:
    raise BadImageError(f'far more than {MOST_PIXELS:,} pixels') from error
  width, height = image.size
  if width * height > MOST_PIXELS:
    raise BadImageError(f'{width} x {height} pixels are more than {MOST_PIXELS:,}')
  # A camera's JPEG may hold a preview as a second frame.
  frames = getattr(image, 'n_frames', 1)
  if frames > 1 and image.format != 'MPO':
    raise BadImageError(f'an animation of {frames} frames')
  if image.mode in ('CMYK', 'YCCK'):
    raise BadImageError('CMYK colors; convert it to RGB')
  if image.format == 'PNG':
    _check_sums(content)
  image = deep_png.shallow(image, content) if deep_png.is_deep(image) else image
  image.load()
  return ImageOps.exif_transpose(image) if _ORIENTATION_KEYS & image.info.keys() else image


def _check_sums(content: bytes) -> None:
  """Raises BadImageError if a checksum of a PNG file is wrong; decoders do not check all of them."""
  offset, kind = 8, b''
  while kind != b'IEND':
    length = int.from_bytes(content[offset : offset + 4])
    kind = content[offset + 4 : offset + 8]
    written = content[offset + 8 + length : offset + 12 + length]
    if zlib.crc32(content[offset + 4 : offset + 8 + length]).to_bytes(4) != written:
      raise BadImageError(f'corrupt near byte {offset}')
    offset += 12 + length


def _framed(image: Image.Image, framing: Framing) -> np.ndarray:
  image = _opaque(image, framing)
  width, height = image.size
  side = framing.crop or (min(width, height) if framing.size else 0)
  if side > min(width, height):
    raise BadImageError(f'{width} x {height} pixels are less than the crop, {side}')
  if side:
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
  if framing.size and image.size != (framing.size, framing.size):
    image = image.resize((framing.size, framing.size), FILTERS[framing.filter])
  return np.asarray(image).reshape(*image.size[::-1], framing.channels)


def _opaque(image: Image.Image, framing: Framing) -> Image.Image:
  """Returns the image in gray or RGB, blended with the background."""
  if image.has_transparency_data:
    image = image.convert('RGBA')
    background = Image.new('RGBA', image.size, (framing.background,) * 3 + (255,))
    image = Image.alpha_composite(background, image)
  return image.convert('L' if framing.channels == 1 else 'RGB')
