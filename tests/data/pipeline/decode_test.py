"""Decoding of image files."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import decode
from gan_jax.data.pipeline.decode import BadPictureError, Framing, pixels
from helpers.commands import finish, python

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (10, 14, 3), np.uint8)


def encoded(image, form='PNG', **options):
  buffer = io.BytesIO()
  (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, form, **options)
  return buffer.getvalue()


def made(content, **settings):
  return pixels(content, Framing(**settings))


@pytest.mark.parametrize('form', ['PNG', 'WEBP'])
def test_decode_preserves_pixels(form):
  content = encoded(RGB, form, **({'lossless': True} if form == 'WEBP' else {}))
  np.testing.assert_array_equal(made(content), RGB)


def test_jpeg_matches_pillow():
  content = encoded(RGB, 'JPEG', quality=90)
  np.testing.assert_array_equal(made(content), np.asarray(Image.open(io.BytesIO(content))))


def test_center_is_cropped_and_resized():
  # 14 x 10: columns 2 to 11 are the middle square; of the crop of 4, columns 5 to 8 and rows 3 to 6.
  np.testing.assert_array_equal(made(encoded(RGB), size=10), RGB[:, 2:12])
  np.testing.assert_array_equal(made(encoded(RGB), crop=4), RGB[3:7, 5:9])
  wanted = Image.fromarray(RGB[:, 2:12]).resize((5, 5), Image.Resampling.LANCZOS)
  np.testing.assert_array_equal(made(encoded(RGB), size=5), wanted)


def test_celeba_crop_matches_dcgan():
  # Rows 55 to 162 and columns 35 to 142 of 218 x 178.
  image = RANDOM.integers(0, 256, (218, 178, 3), np.uint8)
  np.testing.assert_array_equal(made(encoded(image), crop=108), image[55:163, 35:143])


def test_shrinking_does_not_alias():
  # Columns 0 and 255 in turn are an even gray on average; the nearest column alone is not.
  stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
  smooth = made(encoded(stripes), size=8, channels=1, filter='lanczos')
  assert abs(smooth[:, 1:-1].astype(int) - 127).max() <= 3
  assert set(made(encoded(stripes), size=8, channels=1, filter='nearest').flat) <= {0, 255}


def test_gray_and_color_conversion_follows_channels():
  grey = RGB[..., 0]
  np.testing.assert_array_equal(made(encoded(grey)), np.repeat(grey[..., None], 3, -1))
  assert made(encoded(RGB), channels=1).shape == (10, 14, 1)
  np.testing.assert_array_equal(
    made(encoded(RGB), channels=1)[..., 0], Image.fromarray(RGB).convert('L')
  )


def test_sixteen_bits_are_rounded_to_eight():
  deep = np.array([[0, 128, 129, 257], [385, 386, 65406, 65535]], np.uint16)
  assert made(encoded(deep), channels=1)[..., 0].tolist() == [[0, 0, 1, 1], [1, 2, 254, 255]]


def test_transparent_16_bit_gray_is_composited():
  deep = np.array([[1000, 60000]], np.uint16)
  content = encoded(deep)
  chunk = b'tRNS' + (1000).to_bytes(2)
  chunk = (2).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
  # The header ends at byte 33.
  assert made(content[:33] + chunk + content[33:], channels=1).tolist() == [[[255], [233]]]


def test_palette_images_are_converted():
  palette = Image.fromarray(RGB).convert('P', palette=Image.Palette.ADAPTIVE)
  np.testing.assert_array_equal(made(encoded(palette)), palette.convert('RGB'))


@pytest.mark.parametrize('background', [0, 100, 255])
def test_transparency_is_composited_over_the_background(background):
  clear = np.zeros((2, 2, 4), np.uint8)
  clear[0, 0], clear[0, 1] = (10, 20, 30, 255), (200, 100, 0, 128)
  found = made(encoded(clear), background=background)
  assert found[0, 0].tolist() == [10, 20, 30]
  # 128 / 255 of the color, the rest of the background.
  mixed = [(c * 128 + background * 127) / 255 for c in (200, 100, 0)]
  np.testing.assert_allclose(found[0, 1], mixed, atol=1)
  assert found[1, 1].tolist() == [background] * 3


def test_transparent_palette_is_composited_over_the_background():
  palette = Image.new('P', (2, 1))
  palette.putpalette([255, 0, 0, 0, 255, 0])
  palette.putdata([0, 1])
  assert made(encoded(palette, transparency=0), background=7).tolist() == [[[7, 7, 7], [0, 255, 0]]]


def test_image_follows_its_exif_orientation():
  exif = Image.Exif()
  exif[0x0112] = 6  # To be turned a quarter to the right.
  turned = made(encoded(RGB, exif=exif))
  np.testing.assert_array_equal(turned, np.rot90(RGB, -1))


def test_second_frame_of_a_camera_file_is_ignored():
  first, second = Image.fromarray(RGB), Image.fromarray(RGB[::-1])
  content = encoded(first, 'MPO', save_all=True, append_images=[second])
  assert made(content).shape == RGB.shape


def animated(form):
  frames = [Image.fromarray(np.roll(RGB, i, 0)) for i in range(3)]
  return encoded(frames[0], form, save_all=True, append_images=frames[1:])


def header_of(width, height):
  """A PNG that promises more than it holds."""
  content = bytearray(encoded(np.zeros((1, 1), np.uint8)))
  content[16:24] = width.to_bytes(4) + height.to_bytes(4)
  content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
  return bytes(content)


BAD = {
  'empty': (b'', 'the file is empty'),
  'text': (b'a picture of a cat', 'it is no PNG, JPEG or WebP'),
  'GIF': (encoded(RGB, 'GIF'), 'it is no PNG, JPEG or WebP'),
  'animated PNG': (animated('PNG'), 'it is animated, of 3 frames'),
  'animated WebP': (animated('WEBP'), 'it is animated, of 3 frames'),
  'CMYK': (encoded(Image.fromarray(RGB).convert('CMYK'), 'JPEG'), r'it is of inks \(CMYK\)'),
  'bomb': (header_of(100_000, 100_000), 'it has far more than 67,108,864 pixels'),
  'large': (header_of(8193, 8192), '8193 x 8192 pixels are more than 67,108,864'),
  'cut PNG': (encoded(RGB)[:-20], 'damaged near byte'),
  'cut JPEG': (encoded(RGB, 'JPEG')[:-40], 'truncated'),
  'changed PNG': (encoded(RGB)[:60] + b'\0\1' + encoded(RGB)[62:], 'damaged near byte'),
}


@pytest.mark.parametrize('case', BAD)
def test_corrupt_images_report_the_reason(case):
  content, why = BAD[case]
  with pytest.raises(BadPictureError, match=why):
    made(content)


def test_pillow_warnings_for_skipped_files_are_silenced(tmp_path):
  (tmp_path / 'large.png').write_bytes(header_of(9500, 9500))
  script = f"""
import pathlib
from gan_jax.data import framing
try:
  framing.pixels(pathlib.Path({str(tmp_path / 'large.png')!r}).read_bytes(), framing.Framing())
except framing.BadPictureError as error:
  print(error)
"""
  done = finish(python('-c', script))
  assert (done.stdout, done.stderr) == ('9500 x 9500 pixels are more than 67,108,864\n', '')


def test_image_smaller_than_the_crop_is_rejected():
  with pytest.raises(BadPictureError, match='14 x 10 pixels are less than the crop, 11'):
    made(encoded(RGB), crop=11)


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'size': -1}, 'data.size is -1'),
    ({'size': 2.0}, 'data.size is 2.0'),
    ({'size': 10_000}, 'data.size is 10000; it must be a whole number from 0 to 4096'),
    ({'crop': True}, 'data.crop is True'),
    ({'channels': 4}, 'data.channels is 4; it must be 1 or 3'),
    ({'filter': 'lanczos3'}, "data.filter is 'lanczos3'; it must be one of: lanczos, bicubic"),
    ({'background': 256}, 'data.background is 256; it must be a whole number from 0 to 255'),
  ],
)
def test_settings_out_of_range_are_rejected(settings, message):
  with pytest.raises(ConfigError, match=message):
    decode.check(Framing(**settings))
