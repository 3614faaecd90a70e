"""Decoding the bytes of an image file to pixels."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import decode
from gan_jax.data.pipeline.decode import BadImageError, Framing, pixels
from helpers.commands import finish, python

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (10, 14, 3), np.uint8)


def encoded(image, form='PNG', **options):
  buffer = io.BytesIO()
  (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, form, **options)
  return buffer.getvalue()


def decoded(content, **settings):
  return pixels(content, Framing(**settings))


@pytest.mark.parametrize('form', ['PNG', 'WEBP'])
def test_decode_preserves_pixels(form):
  content = encoded(RGB, form, **({'lossless': True} if form == 'WEBP' else {}))
  np.testing.assert_array_equal(decoded(content), RGB)


def test_jpeg_matches_pillow():
  content = encoded(RGB, 'JPEG', quality=90)
  np.testing.assert_array_equal(decoded(content), np.asarray(Image.open(io.BytesIO(content))))


def test_center_is_cropped_and_resized():
  # 14 x 10: columns 2 to 11 are the middle square; of the crop of 4, columns 5 to 8 and rows 3 to 6.
  np.testing.assert_array_equal(decoded(encoded(RGB), size=10), RGB[:, 2:12])
  np.testing.assert_array_equal(decoded(encoded(RGB), crop=4), RGB[3:7, 5:9])
  expected = Image.fromarray(RGB[:, 2:12]).resize((5, 5), Image.Resampling.LANCZOS)
  np.testing.assert_array_equal(decoded(encoded(RGB), size=5), expected)


def test_celeba_crop_matches_dcgan():
  # Rows 55 to 162 and columns 35 to 142 of 218 x 178.
  image = RANDOM.integers(0, 256, (218, 178, 3), np.uint8)
  np.testing.assert_array_equal(decoded(encoded(image), crop=108), image[55:163, 35:143])


def test_shrinking_does_not_alias():
  # Alternating columns of 0 and 255 average to a uniform gray; the nearest column does not.
  stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
  smooth = decoded(encoded(stripes), size=8, channels=1, filter='lanczos')
  assert abs(smooth[:, 1:-1].astype(int) - 127).max() <= 3
  assert set(decoded(encoded(stripes), size=8, channels=1, filter='nearest').flat) <= {0, 255}


def test_gray_and_color_conversion_follows_channels():
  gray = RGB[..., 0]
  np.testing.assert_array_equal(decoded(encoded(gray)), np.repeat(gray[..., None], 3, -1))
  assert decoded(encoded(RGB), channels=1).shape == (10, 14, 1)
  np.testing.assert_array_equal(
    decoded(encoded(RGB), channels=1)[..., 0], Image.fromarray(RGB).convert('L')
  )


def test_sixteen_bits_are_rounded_to_eight():
  deep = np.array([[0, 128, 129, 257], [385, 386, 65406, 65535]], np.uint16)
  assert decoded(encoded(deep), channels=1)[..., 0].tolist() == [[0, 0, 1, 1], [1, 2, 254, 255]]


def test_transparent_16_bit_gray_is_composited():
  deep = np.array([[1000, 60000]], np.uint16)
  content = encoded(deep)
  chunk = b'tRNS' + (1000).to_bytes(2)
  chunk = (2).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
  # The header ends at byte 33.
  assert decoded(content[:33] + chunk + content[33:], channels=1).tolist() == [[[255], [233]]]


def test_palette_images_are_converted():
  palette = Image.fromarray(RGB).convert('P', palette=Image.Palette.ADAPTIVE)
  np.testing.assert_array_equal(decoded(encoded(palette)), palette.convert('RGB'))


@pytest.mark.parametrize('background', [0, 100, 255])
def test_transparency_is_composited_over_the_background(background):
  clear = np.zeros((2, 2, 4), np.uint8)
  clear[0, 0], clear[0, 1] = (10, 20, 30, 255), (200, 100, 0, 128)
  result = decoded(encoded(clear), background=background)
  assert result[0, 0].tolist() == [10, 20, 30]
  # 128 / 255 of the color, and the rest of the background.
  mixed = [(c * 128 + background * 127) / 255 for c in (200, 100, 0)]
  np.testing.assert_allclose(result[0, 1], mixed, atol=1)
  assert result[1, 1].tolist() == [background] * 3


def test_transparent_palette_is_composited_over_the_background():
  palette = Image.new('P', (2, 1))
  palette.putpalette([255, 0, 0, 0, 255, 0])
  palette.putdata([0, 1])
  assert decoded(encoded(palette, transparency=0), background=7).tolist() == [[[7, 7, 7], [0, 255, 0]]]


def test_image_follows_its_exif_orientation():
  exif = Image.Exif()
  exif[0x0112] = 6  # Rotate by 90 degrees to the right.
  turned = decoded(encoded(RGB, exif=exif))
  np.testing.assert_array_equal(turned, np.rot90(RGB, -1))


def test_second_frame_of_a_camera_file_is_ignored():
  first, second = Image.fromarray(RGB), Image.fromarray(RGB[::-1])
  content = encoded(first, 'MPO', save_all=True, append_images=[second])
  assert decoded(content).shape == RGB.shape


def animated(form):
  frames = [Image.fromarray(np.roll(RGB, i, 0)) for i in range(3)]
  return encoded(frames[0], form, save_all=True, append_images=frames[1:])


def header_of(width, height):
  """Returns a PNG whose header states more pixels than it contains."""
  content = bytearray(encoded(np.zeros((1, 1), np.uint8)))
  content[16:24] = width.to_bytes(4) + height.to_bytes(4)
  content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
  return bytes(content)


BAD = {
  'empty': (b'', 'the file is empty'),
  'text': (b'an image of a cat', 'not a PNG, JPEG, or WebP file'),
  'GIF': (encoded(RGB, 'GIF'), 'not a PNG, JPEG, or WebP file'),
  'animated PNG': (animated('PNG'), 'an animation of 3 frames'),
  'animated WebP': (animated('WEBP'), 'an animation of 3 frames'),
  'CMYK': (encoded(Image.fromarray(RGB).convert('CMYK'), 'JPEG'), 'CMYK colors; convert it to RGB'),
  'bomb': (header_of(100_000, 100_000), 'far more than 67,108,864 pixels'),
  'large': (header_of(8193, 8192), '8193 x 8192 pixels are more than 67,108,864'),
  'cut PNG': (encoded(RGB)[:-20], 'corrupt near byte'),
  'cut JPEG': (encoded(RGB, 'JPEG')[:-40], 'truncated'),
  'changed PNG': (encoded(RGB)[:60] + b'\0\1' + encoded(RGB)[62:], 'corrupt near byte'),
}


@pytest.mark.parametrize('case', BAD)
def test_corrupt_images_report_the_reason(case):
  content, reason = BAD[case]
  with pytest.raises(BadImageError, match=reason):
    decoded(content)


def test_pillow_warnings_for_skipped_files_are_silenced(tmp_path):
  (tmp_path / 'large.png').write_bytes(header_of(9500, 9500))
  script = f"""
import pathlib
from gan_jax.data.pipeline import decode
try:
  decode.pixels(pathlib.Path({str(tmp_path / 'large.png')!r}).read_bytes(), decode.Framing())
except decode.BadImageError as error:
  print(error)
"""
  done = finish(python('-c', script))
  assert (done.stdout, done.stderr) == ('9500 x 9500 pixels are more than 67,108,864\n', '')


def test_image_smaller_than_the_crop_is_rejected():
  with pytest.raises(BadImageError, match='14 x 10 pixels are less than the crop, 11'):
    decoded(encoded(RGB), crop=11)


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'size': -1}, 'data.size=-1: out of range'),
    ({'size': 2.0}, 'data.size=2.0: out of range'),
    ({'size': 10_000}, r'data.size=10000: .* \(a whole number from 0 to 4096\); change'),
    ({'crop': True}, 'data.crop=True: out of range'),
    ({'channels': 4}, r'data.channels=4: not supported \(1 or 3\); change'),
    ({'filter': 'lanczos3'}, r"data.filter='lanczos3': unknown filter \(lanczos, bicubic"),
    ({'background': 256}, r'data.background=256: .* \(a whole number from 0 to 255\)'),
  ],
)
def test_settings_out_of_range_are_rejected(settings, message):
  with pytest.raises(ConfigError, match=message):
    decode.check(Framing(**settings))
