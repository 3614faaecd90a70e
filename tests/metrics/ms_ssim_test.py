"""MS-SSIM beside a plain computation in float64 and pytorch-msssim, and the diversity of sets."""

import numpy as np
import pytest

from gan_jax.metrics import ms_ssim
from parity import check_images


def pictures(seed, num=2, height=28, width=28, channels=1):
  shape = (num, height, width, channels)
  return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def plain(a, b, count):
  """The formula for one gray image in float64, window by window."""
  x = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
  window, product = np.outer(x, x) / x.sum() ** 2, 1.0
  for scale, weight in enumerate(ms_ssim.weights(count)):
    views = [np.lib.stride_tricks.sliding_window_view(p, (11, 11)) for p in (a, b)]
    mean_a, mean_b = ((v * window).sum(axis=(2, 3)) for v in views)
    off_a, off_b = (v - m[..., None, None] for v, m in zip(views, (mean_a, mean_b), strict=True))
    spread = lambda u, v: (u * v * window).sum(axis=(2, 3))
    found = (2 * spread(off_a, off_b) + 58.5225) / (
      spread(off_a, off_a) + spread(off_b, off_b) + 58.5225
    )
    if scale == count - 1:
      found = found * (2 * mean_a * mean_b + 6.5025) / (mean_a**2 + mean_b**2 + 6.5025)
    product *= max(found.mean(), 0) ** weight
    a, b = (np.pad(p, [(0, n % 2) for n in p.shape], mode='edge') for p in (a, b))
    a, b = ((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4 for p in (a, b))
  return product


def one(a, b):
  return float(ms_ssim.ms_ssim(a[None, :, :, None], b[None, :, :, None])[0])


def test_ms_ssim_matches_pytorch_msssim():
  for row in check_images.ms_ssim(check_images.vectors()):
    assert row.difference <= row.allowed, row


@pytest.mark.parametrize(('height', 'width'), [(11, 11), (21, 30), (28, 28), (45, 41)])
def test_ms_ssim_of_odd_sizes_matches_the_formula(height, width):
  a, noise = pictures(0, 2, height, width)[..., 0]
  b = (0.7 * a + 0.3 * noise).astype(np.uint8)
  expected = plain(a.astype(float), b.astype(float), ms_ssim.scales(height, width))
  assert 0.1 < expected < 0.99
  assert one(a, b) == pytest.approx(expected, abs=2e-6)


def test_ms_ssim_of_bright_low_contrast_images_is_exact():
  # In float32, E x^2 - (E x)^2 of values around 250 is off by more than 0.01.
  a = 250 + pictures(0, 1)[0, ..., 0] % 4
  b = 250 + pictures(1, 1)[0, ..., 0] % 4
  assert one(a, b) == pytest.approx(plain(a.astype(float), b.astype(float), 2), abs=2e-6)


@pytest.mark.parametrize(('side', 'channels'), [(11, 1), (28, 1), (64, 3)])
def test_ms_ssim_is_1_for_equal_and_low_for_inverted_images(side, channels):
  a = pictures(0, 3, side, side, channels)
  np.testing.assert_allclose(ms_ssim.ms_ssim(a, a), 1, atol=1e-6)
  np.testing.assert_array_equal(ms_ssim.ms_ssim(a, 255 - a), 0)


def test_ms_ssim_of_black_and_white_is_luminance_only():
  black, white = np.zeros((1, 28, 28, 1)), np.full((1, 28, 28, 1), 255.0)
  # C1 / (255^2 + C1) with C1 = (0.01 x 255)^2, at the weight of the second scale of two.
  expected = (1e-4 / (1 + 1e-4)) ** (0.2856 / (0.0448 + 0.2856))
  assert float(ms_ssim.ms_ssim(black, white)[0]) == pytest.approx(expected, abs=1e-6)


def test_channels_are_averaged():
  a, b = pictures(0, channels=3), pictures(1, channels=3) // 2 + pictures(0, channels=3) // 2
  each = [ms_ssim.ms_ssim(a[..., c : c + 1], b[..., c : c + 1]) for c in range(3)]
  np.testing.assert_allclose(ms_ssim.ms_ssim(a, b), np.mean(each, axis=0), rtol=1e-6)


def test_ms_ssim_is_symmetric():
  a, b = pictures(0), pictures(1) // 4 + pictures(0) // 2
  forth, back = ms_ssim.ms_ssim(a, b), ms_ssim.ms_ssim(b, a)
  np.testing.assert_allclose(forth, back, atol=1e-6)


@pytest.mark.parametrize(
  ('side', 'count'),
  [
    (11, 1),
    (20, 1),
    (21, 2),
    (28, 2),
    (40, 2),
    (41, 3),
    (64, 3),
    (128, 4),
    (160, 4),
    (161, 5),
    (999, 5),
  ],
)
def test_number_of_scales_is_limited_by_the_window(side, count):
  assert ms_ssim.scales(side, side) == ms_ssim.scales(side, 999) == count


def test_scale_weights_are_renormalized_to_sum_1():
  np.testing.assert_allclose(ms_ssim.weights(2), [0.0448 / 0.3304, 0.2856 / 0.3304])
  np.testing.assert_array_equal(ms_ssim.weights(1), [1])
  np.testing.assert_array_equal(ms_ssim.weights(5), ms_ssim.WEIGHTS)


def test_diversity_score_is_high_for_collapsed_and_low_for_noise():
  same = ms_ssim.diversity(np.repeat(pictures(0, 1), 9, axis=0), pairs=50)
  assert same.value == pytest.approx(1, abs=1e-6)
  assert same.standard_error == pytest.approx(0, abs=1e-6)
  assert (same.scales, same.pairs) == (2, 50)
  assert ms_ssim.diversity(pictures(0, 9), pairs=50).value < 0.1


def test_diversity_score_of_two_modes_is_about_half():
  two = np.concatenate([np.zeros((50, 28, 28, 1)), np.full((50, 28, 28, 1), 255)]).astype(np.uint8)
  found = ms_ssim.diversity(two, pairs=700)
  # Each of 100 images has 99 others, of which 49 are equal; the rest are at (1e-4 / (1 + 1e-4))^0.8644.
  low = (1e-4 / (1 + 1e-4)) ** (0.2856 / 0.3304)
  fraction = 49 / 99
  std = (1 - low) * np.sqrt(fraction * (1 - fraction) / 700)
  assert found.value == pytest.approx(fraction + (1 - fraction) * low, abs=4 * std)
  assert found.standard_error == pytest.approx(std, rel=0.05)


def test_pairs_are_distinct_images_determined_by_the_seed():
  images = np.stack([np.zeros((28, 28, 1)), np.full((28, 28, 1), 255)]).astype(np.uint8)
  # Two pictures have only one pair.
  assert ms_ssim.diversity(images, pairs=20).standard_error == pytest.approx(0, abs=1e-9)
  many = pictures(0, 20) // 8
  first = ms_ssim.diversity(many, pairs=10)
  assert first == ms_ssim.diversity(many, pairs=10)
  assert first != ms_ssim.diversity(many, pairs=10, seed=1)


@pytest.mark.parametrize(
  ('images', 'pairs', 'message'),
  [
    (np.zeros((4, 28, 28, 1), np.float32), 9, 'images=float32'),
    (np.zeros((4, 28, 28), np.uint8), 9, 'images=.*: wrong type or shape'),
    (np.zeros((1, 28, 28, 1), np.uint8), 9, 'N >= 2'),
    (np.zeros((4, 28, 28, 1), np.uint8), 1, 'pairs=1'),
    (np.zeros((4, 10, 28, 1), np.uint8), 9, 'smaller than the 11 x 11 window'),
  ],
)
def test_invalid_inputs_are_rejected(images, pairs, message):
  with pytest.raises(ValueError, match=message):
    ms_ssim.diversity(images, pairs=pairs)


def test_images_of_different_shapes_are_rejected():
  with pytest.raises(ValueError, match='wrong shapes'):
    ms_ssim.ms_ssim(np.zeros((2, 28, 28, 1)), np.zeros((2, 28, 28, 3)))


@pytest.mark.parametrize('shape', [(64, 32, 32, 3), (64, 11, 11, 1), (3, 161, 161, 1)])
def test_ms_ssim_of_equal_noise_is_at_most_1(shape):
  noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
  found = np.asarray(ms_ssim.ms_ssim(noise, noise))
  assert (found <= 1).all()
  np.testing.assert_allclose(found, 1, rtol=2e-7)
