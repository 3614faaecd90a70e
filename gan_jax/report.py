"""Pictures of samples."""

import io
import math
import pathlib
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_jax.workdir import write_whole

_GAP = 2
_BACKGROUND = 255
_SMALL = 64


def to_bytes(images: np.ndarray) -> np.ndarray:
  """Images in [-1, 1], any shape, to uint8; what lies outside is clipped."""
  return np.clip(np.rint((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
  """Images side by side, row by row; small ones with every pixel twice as wide and high.

  Args:
    images: uint8 [N, height, width, 1 or 3].
    columns: images in a row; None for a square.

  Returns:
    uint8 [rows * (height + gap) + gap, columns * (width + gap) + gap, 3], heights as drawn.
  """
  if max(images.shape[1:3]) < _SMALL:
    images = images.repeat(2, axis=1).repeat(2, axis=2)
  count, height, width, _ = images.shape
  columns = columns or math.ceil(math.sqrt(count))
  rows = math.ceil(count / columns)
  shape = (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3)
  page = np.full(shape, _BACKGROUND, np.uint8)
  for i, image in enumerate(images):
    top, left = _GAP + i // columns * (height + _GAP), _GAP + i % columns * (width + _GAP)
    page[top : top + height, left : left + width] = image
  return page


def captioned(grids: Mapping[str, np.ndarray]) -> np.ndarray:
  """Grids of one height side by side, each under its caption."""
  margin, line = 8, 20
  height = max(g.shape[0] for g in grids.values()) + line
  width = sum(g.shape[1] + margin for g in grids.values()) - margin
  page = Image.new('RGB', (width, height), (_BACKGROUND,) * 3)
  pen, left = ImageDraw.Draw(page), 0
  for caption, picture in grids.items():
    pen.text((left + _GAP, 2), caption, fill=0, font=ImageFont.load_default(size=14))
    page.paste(Image.fromarray(picture), (left, line))
    left += picture.shape[1] + margin
  return np.asarray(page)


def png(picture: np.ndarray) -> bytes:
  """A picture, uint8 [height, width, 1 or 3], as the bytes of a PNG file."""
  buffer = io.BytesIO()
  Image.fromarray(picture.squeeze(-1) if picture.shape[-1] == 1 else picture).save(buffer, 'PNG')
  return buffer.getvalue()


def save_png(path: pathlib.Path, picture: np.ndarray) -> None:
  """Writes a picture, uint8 [height, width, 1 or 3], whole or not at all."""
  write_whole(path, png(picture))
