"""Images with 16 bits per channel, in PNG files that this test encodes byte by byte."""

import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.pipeline.decode import BadImageError, Framing, pixels

GRAY, RGB, GRAY_ALPHA, RGBA = 0, 2, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, GRAY_ALPHA: 2, RGBA: 4}
# The passes of Adam7: first row and column, and the steps between rows and columns.
PASSES = (
  (0, 0, 8, 8),
  (0, 4, 8, 8),
  (4, 0, 8, 4),
  (0, 2, 4, 4),
  (2, 0, 4, 2),
  (0, 1, 2, 2),
  (1, 0, 2, 1),
)
WHITE, TAG = 255, 0x0112


def chunk(kind, content):
  return (
    struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
  )


def paeth(left, up, corner):
  guess = left + up - corner
  return min((left, up, corner), key=lambda value: abs(guess - value))


def filtered(rows, filters):
  """Returns rows [pixels, bytes], each encoded with one of the five filters of PNG."""
  width, result = rows.shape[1:], b''
  before = np.zeros(width, int)
  for row, kind in zip(rows.astype(int), filters, strict=False):
    left = np.concatenate([np.zeros((1, width[1]), int), row[:-1]])
    corner = np.concatenate([np.zeros((1, width[1]), int), before[:-1]])
    guesses = np.vectorize(paeth)(left, before, corner) if kind == 4 else None
    guess = (0, left, before, (left + before) // 2, guesses)[kind]
    result += bytes([kind]) + (row - guess).astype(np.uint8).tobytes()
    before = row
  return result


def png(values, color, *chunks, interlaced=False, filters=(0, 1, 2, 3, 4)):
  """Returns a PNG file of values uint16 [height, width, channels]."""
  height, width, _ = values.shape
  as_bytes = values.astype('>u2').view(np.uint8).reshape(height, width, -1)
  passes = [as_bytes[r::dr, c::dc] for r, c, dr, dc in PASSES] if interlaced else [as_bytes]
  content = b''.join(filtered(rows, itertools.cycle(filters)) for rows in passes if rows.size)
  header = struct.pack('>IIBBBBB', width, height, 16, color, 0, 0, int(interlaced))
  chunks = (
    chunk(b'IHDR', header),
    *chunks,
    chunk(b'IDAT', zlib.compress(content)),
    chunk(b'IEND', b''),
  )
  return b'\x89PNG\r\n\x1a\n' + b''.join(chunks)


def rounded(values):
  return np.rint(values / 257).astype(np.uint8)


def over(colors, alpha, background):
  """Blends colors with a gray by the formula of Porter and Duff, in float64."""
  opacity = alpha.astype(float) / 255
  return colors * opacity + background * (1 - opacity)


def random_values(color, seed=0, size=(19, 23)):
  return np.random.default_rng(seed).integers(0, 2**16, (*size, CHANNELS[color]), np.uint16)


def in_colors(gray):
  return np.repeat(gray, 3, axis=-1)


@pytest.mark.parametrize('interlaced', [False, True])
@pytest.mark.parametrize('color', [GRAY, RGB])
def test_channels_without_alpha_are_rounded(color, interlaced):
  values = random_values(color)
  result = pixels(png(values, color, interlaced=interlaced), Framing())
  expected = rounded(values)
  np.testing.assert_array_equal(result, expected if color == RGB else in_colors(expected))


@pytest.mark.parametrize('color', [GRAY, RGB, GRAY_ALPHA, RGBA])
def test_every_value_of_16_bits_is_rounded(color):
  values = np.repeat(np.arange(2**16, dtype=np.uint16).reshape(256, 256, 1), CHANNELS[color], axis=-1)
  if color in (GRAY_ALPHA, RGBA):
    values[..., -1] = 2**16 - 1
  result = pixels(png(values, color, filters=(2,)), Framing())
  np.testing.assert_array_equal(result, in_colors(rounded(values[..., :1])))


@pytest.mark.parametrize('background', [0, 100, WHITE])
@pytest.mark.parametrize('interlaced', [False, True])
@pytest.mark.parametrize('color', [GRAY_ALPHA, RGBA])
def test_alpha_is_rounded_and_composited_over_the_background(color, interlaced, background):
  values = random_values(color)
  result = pixels(png(values, color, interlaced=interlaced), Framing(background=background))
  eight = rounded(values)
  expected = over(eight[..., :-1], eight[..., -1:], background)
  # Pillow blends in whole numbers, which is at most one off.
  assert abs(result - (expected if color == RGBA else in_colors(expected))).max() <= 1
  # The same image with 8 bits is blended to the same values.
  image = Image.fromarray(eight, 'LA' if color == GRAY_ALPHA else 'RGBA').convert('RGBA')
  behind = Image.new('RGBA', image.size, (background,) * 3 + (255,))
  np.testing.assert_array_equal(result, Image.alpha_composite(behind, image).convert('RGB'))


@pytest.mark.parametrize('background', [0, WHITE])
@pytest.mark.parametrize('color', [GRAY, RGB])
def test_one_transparent_color_is_compared_with_all_bits(color, background):
  values = random_values(color, size=(2, 4))
  clear = values[0, 0].copy()
  # They differ from it in the low byte, in the high byte, and in one channel.
  values[0, 1], values[0, 2], values[0, 3] = clear ^ 1, clear ^ 256, clear
  values[0, 3, -1] ^= 1
  values[1, 1] = clear
  content = png(values, color, chunk(b'tRNS', clear.astype('>u2').tobytes()))
  expected = rounded(values)
  expected[0, 0] = expected[1, 1] = background
  result = pixels(content, Framing(background=background))
  np.testing.assert_array_equal(result, expected if color == RGB else in_colors(expected))


def test_colors_convert_to_gray_after_rounding():
  values = random_values(RGB)
  result = pixels(png(values, RGB), Framing(channels=1))
  np.testing.assert_array_equal(result[..., 0], Image.fromarray(rounded(values)).convert('L'))


@pytest.mark.parametrize('color', [GRAY, RGB, GRAY_ALPHA, RGBA])
def test_image_follows_its_exif_orientation(color):
  values = random_values(color)
  exif = Image.Exif()
  exif[TAG] = 6  # Rotate by 90 degrees to the right.
  turned = pixels(png(values, color, chunk(b'eXIf', exif.tobytes()[6:])), Framing())
  np.testing.assert_array_equal(turned, np.rot90(pixels(png(values, color), Framing()), -1))


@pytest.mark.parametrize('color', [GRAY, RGB, GRAY_ALPHA, RGBA])
def test_center_is_cropped_and_resized(color):
  values = random_values(color, size=(8, 12))
  whole = pixels(png(values, color), Framing())
  np.testing.assert_array_equal(pixels(png(values, color), Framing(crop=4)), whole[2:6, 4:8])
  expected = Image.fromarray(whole[:, 2:10]).resize((4, 4), Image.Resampling.LANCZOS)
  result = pixels(png(values, color), Framing(size=4)).astype(int)
  assert abs(result - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize('color', [GRAY, RGB, GRAY_ALPHA, RGBA])
def test_truncated_content_is_a_corrupt_image(color):
  values = random_values(color)
  content = png(values, color)
  with pytest.raises(BadImageError):
    pixels(content[: len(content) // 2], Framing())
  # All checksums are correct, but rows are missing.
  whole = zlib.decompress(content[41:-16])
  short = content[:33] + chunk(b'IDAT', zlib.compress(whole[: len(whole) // 2])) + chunk(b'IEND', b'')
  with pytest.raises(BadImageError, match='truncated'):
    pixels(short, Framing())
