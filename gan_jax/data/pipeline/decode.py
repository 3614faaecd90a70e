"""From the bytes of a picture to pixels of one size: which files are read, and what is made of them."""

import io
import warnings
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import deep_png

# Of pictures so large that Pillow warns none is read.
warnings.filterwarnings('ignore', category=Image.DecompressionBombWarning)

FILTERS = {
  'lanczos': Image.Resampling.LANCZOS,
  'bicubic': Image.Resampling.BICUBIC,
  'bilinear': Image.Resampling.BILINEAR,
  'box': Image.Resampling.BOX,
  'nearest': Image.Resampling.NEAREST,
}
"""To resize by. All but `nearest` are widened when a picture gets smaller, so it is not aliased."""

MOST_PIXELS = 2**26
"""Of a picture, in its header. A small file can promise more than memory holds (decompression bomb)."""

_FORMATS = ('PNG', 'JPEG', 'WEBP')
_TURNING = {'exif', 'xmp', 'XML:com.adobe.xmp', 'Raw profile type exif'}
_MOST_SIZE = 4096


class BadPictureError(Exception):
  """A file of which no picture can be made, and why."""


class Framing(NamedTuple):
  """What is made of a picture: cropped, then resized, then in so many colours.

  Attributes:
    size: height and width; 0: what the crop leaves.
    crop: the side of the square in the middle that is kept; 0: the largest, or with size 0 all.
    channels: 1 or 3.
    filter: to resize by, of FILTERS.
    background: a grey from 0 to 255 that lies behind transparent pictures.
  """

  size: int = 0
  crop: int = 0
  channels: int = 3
  filter: str = 'lanczos'
  background: int = 255


def check(framing: Framing) -> None:
  """Raises ConfigError at a setting out of its range."""
  for key in ('size', 'crop'):
    _whole(key, getattr(framing, key), _MOST_SIZE)
  _whole('background', framing.background, 255)
  if framing.channels not in (1, 3):
    raise ConfigError(f'data.channels is {framing.channels}; it must be 1 or 3')
  if framing.filter not in FILTERS:
    raise ConfigError(f'data.filter is {framing.filter!r}; it must be one of: {", ".join(FILTERS)}')


def _whole(key: str, value: int, most: int) -> None:
  if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
    raise ConfigError(f'data.{key} is {value!r}; it must be a whole number from 0 to {most}')


def pixels(content: bytes, framing: Framing) -> np.ndarray:
  """The pixels of a PNG, JPEG or WebP file.

  As a person sees it: turned as its EXIF data say, palettes looked up, transparency over the
  background, 16 bits a channel rounded to 8.

  Args:
    content: of the file.
    framing: what is made of it.

  Returns:
    uint8 [height, width, channels].

  Raises:
    BadPictureError: it is empty, no such picture or damaged; has several frames, of which none is the
      picture; is of inks (CMYK), whose colours depend on a press; has more than MOST_PIXELS pixels; or
      is smaller than the crop.
  """
  if not content:
    raise BadPictureError('the file is empty')
  try:
    return _framed(_opened(content), framing)
  except BadPictureError:
    raise
  except Exception as error:
    # A damaged file makes a decoder raise anything.
    raise BadPictureError(f'{type(error).__name__}: {error}') from error


def _opened(content: bytes) -> Image.Image:
  try:
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
  except Image.UnidentifiedImageError as error:
    raise BadPictureError('it is no PNG, JPEG or WebP') from error
  except Image.DecompressionBombError as error:
    raise BadPictureError(f'it has far more than {MOST_PIXELS:,} pixels') from error
  width, height = image.size
  if width * height > MOST_PIXELS:
    raise BadPictureError(f'{width} x {height} pixels are more than {MOST_PIXELS:,}')
  # A camera's JPEG may hold a preview as a second frame.
  frames = getattr(image, 'n_frames', 1)
  if frames > 1 and image.format != 'MPO':
    raise BadPictureError(f'it is animated, of {frames} frames')
  if image.mode in ('CMYK', 'YCCK'):
    raise BadPictureError('it is of inks (CMYK); convert it to RGB')
  if image.format == 'PNG':
    _check_sums(content)
  image = deep_png.shallow(image, content) if deep_png.is_deep(image) else image
  image.load()
  return ImageOps.exif_transpose(image) if _TURNING & image.info.keys() else image


def _check_sums(content: bytes) -> None:
  """Raises BadPictureError if a chunk of a PNG file is not as it was written; decoders do not look."""
  place, kind = 8, b''
  while kind != b'IEND':
    length, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
    written = content[place + 8 + length : place + 12 + length]
    if zlib.crc32(content[place + 4 : place + 8 + length]).to_bytes(4) != written:
      raise BadPictureError(f'it is damaged near byte {place}')
    place += 12 + length


def _framed(image: Image.Image, framing: Framing) -> np.ndarray:
  image = _flat(image, framing)
  width, height = image.size
  side = framing.crop or (min(width, height) if framing.size else 0)
  if side > min(width, height):
    raise BadPictureError(f'{width} x {height} pixels are less than the crop, {side}')
  if side:
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
  if framing.size and image.size != (framing.size, framing.size):
    image = image.resize((framing.size, framing.size), FILTERS[framing.filter])
  return np.asarray(image).reshape(*image.size[::-1], framing.channels)


def _flat(image: Image.Image, framing: Framing) -> Image.Image:
  """In grey or RGB, without transparency."""
  if image.has_transparency_data:
    image = image.convert('RGBA')
    behind = Image.new('RGBA', image.size, (framing.background,) * 3 + (255,))
    image = Image.alpha_composite(behind, image)
  return image.convert('L' if framing.channels == 1 else 'RGB')
