"""Sliced Wasserstein distance: on a line by hand, in space by closed forms, and of patches."""

import numpy as np
import pytest

from gan_jax.metrics import sliced_wasserstein
from parity import check_images


@pytest.fixture(scope='module')
def rng():
  return np.random.default_rng(0)


def pictures(seed, num=12, height=32, width=32, channels=3):
  shape = (num, height, width, channels)
  return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_sliced_wasserstein_matches_pot():
  for row in check_images.sliced(check_images.vectors()):
    assert row.difference <= row.allowed, row


def test_distance_on_a_line_matches_hand_computation():
  real, fake = np.array([[3.0], [0.0]]), np.array([[1.0], [7.0]])
  # From quantile to quantile: 0 to 1 and 3 to 7.
  assert sliced_wasserstein.sliced_wasserstein(real, fake, order=1) == pytest.approx((1 + 4) / 2)
  assert sliced_wasserstein.sliced_wasserstein(real, fake, order=2) == pytest.approx(
    np.sqrt((1 + 16) / 2)
  )
  assert sliced_wasserstein.sliced_wasserstein(real, fake, order=3) == pytest.approx(
    ((1 + 64) / 2) ** (1 / 3)
  )


def test_distance_of_unequal_counts_matches_hand_computation():
  real, fake = np.array([[0.0], [6.0]]), np.array([[1.0], [2.0], [3.0]])
  # Pieces of 1/3, 1/6, 1/6, 1/3: 0 to 1, 0 to 2, 6 to 2, 6 to 3.
  assert sliced_wasserstein.along(real, fake, [[1.0]], 1) == pytest.approx((2 * 1 + 2 + 4 + 2 * 3) / 6)
  assert sliced_wasserstein.along(fake, real, [[1.0]], 2) == pytest.approx(
    np.sqrt((2 * 1 + 4 + 16 + 2 * 9) / 6)
  )


def test_distance_to_a_duplicated_set_is_unchanged(rng):
  real, fake = rng.normal(size=(6, 3)), rng.normal(size=(9, 3))
  once = sliced_wasserstein.sliced_wasserstein(real, fake)
  twice = sliced_wasserstein.sliced_wasserstein(np.repeat(real, 3, axis=0), np.repeat(fake, 2, axis=0))
  assert once == pytest.approx(twice, rel=1e-12)


def test_distance_of_a_shift_is_its_norm_over_sqrt_dimensions(rng):
  real, shift = rng.normal(size=(20, 4)), np.array([3.0, 0.0, 4.0, 0.0])
  # The mean of (direction . shift)^2 on the sphere is |shift|^2 / D = 25 / 4; of 20,000 directions the
  # mean of squares is known to 1 %, for their variance is at most 2 (25 / 4)^2.
  found = sliced_wasserstein.sliced_wasserstein(real, real + shift, directions=20_000)
  assert found == pytest.approx(np.sqrt(25 / 4), rel=0.02)
  axis = np.eye(4)[:, :1]
  assert sliced_wasserstein.along(real, real + shift, axis) == pytest.approx(3, rel=1e-12)


def test_directions_are_unit_vectors_determined_by_the_seed():
  one, two = (
    sliced_wasserstein.random_directions(5, 100, 0),
    sliced_wasserstein.random_directions(5, 100, 1),
  )
  np.testing.assert_allclose(np.linalg.norm(one, axis=0), 1, rtol=1e-12)
  assert (one != two).all()
  np.testing.assert_array_equal(one, sliced_wasserstein.random_directions(5, 100, 0))


def test_chunk_size_does_not_change_the_distance(rng, monkeypatch):
  real, fake = rng.normal(size=(30, 3)), rng.normal(size=(20, 3))
  whole = sliced_wasserstein.sliced_wasserstein(real, fake, directions=37)
  monkeypatch.setattr(sliced_wasserstein, '_VALUES', 100)
  assert sliced_wasserstein.sliced_wasserstein(real, fake, directions=37) == pytest.approx(
    whole, rel=1e-12
  )


def test_inputs_are_not_modified(rng):
  real, fake = rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
  before = real.copy(), fake.copy()
  sliced_wasserstein.sliced_wasserstein(real, fake)
  np.testing.assert_array_equal(real, before[0])
  np.testing.assert_array_equal(fake, before[1])


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'real': np.zeros((4, 3))}, '3 dimensions'),
    ({'fake': np.array([[0.0, np.nan]])}, 'NaN'),
    ({'fake': np.zeros(4)}, 'shape'),
    ({'fake': np.zeros((0, 2))}, 'at least 1'),
    ({'order': 0.5}, 'order=0.5'),
    ({'order': np.inf}, 'order=inf'),
    ({'directions': 0}, 'directions=0'),
  ],
)
def test_incompatible_inputs_are_rejected(change, message):
  given = {'real': np.zeros((4, 2)), 'fake': np.zeros((4, 2)), **change}
  with pytest.raises(ValueError, match=message):
    sliced_wasserstein.sliced_wasserstein(given.pop('real'), given.pop('fake'), **given)


def test_directions_of_another_dimension_are_rejected():
  with pytest.raises(ValueError, match=r'directions: wrong shape .* \(\[2, L\]\)'):
    sliced_wasserstein.along(np.zeros((4, 2)), np.zeros((4, 2)), np.zeros((3, 5)))


@pytest.mark.parametrize(
  ('size', 'found'),
  [
    ((7, 7), [7]),
    ((28, 28), [28]),
    ((30, 30), [30]),
    ((31, 31), [31, 16]),
    ((32, 32), [32, 16]),
    ((64, 64), [64, 32, 16]),
    ((50, 50), [50, 25]),
    ((64, 32), [64, 32]),
    ((256, 256), [256, 128, 64, 32, 16]),
  ],
)
def test_pyramid_levels_halve_down_to_16_pixels(size, found):
  assert sliced_wasserstein.heights(*size) == found


def test_pyramid_matches_scipy():
  for row in check_images.pyramid(check_images.vectors()):
    assert row.difference <= row.allowed, row


def test_pyramid_of_a_constant_image_is_all_in_the_last_level():
  levels = sliced_wasserstein.pyramid(np.full((1, 33, 32, 1), 77, np.uint8), 2)
  # 33 rows become 17, and enlarged again they have the picture's own mean at every place.
  assert [level.shape for level in levels] == [(1, 33, 32, 1), (1, 17, 16, 1)]
  np.testing.assert_allclose(levels[0], 0, atol=1e-12)
  np.testing.assert_allclose(levels[1], 77, rtol=1e-12)


def few(real, fake, **settings):
  return sliced_wasserstein.pyramid_distance(
    real, fake, **{'per_image': 8, 'directions': 32, **settings}
  )


def test_image_distance_is_zero_only_for_equal_images():
  real = pictures(0)
  assert few(real, real) == {'32': 0, '16': 0, 'mean': 0}
  found = few(real, np.sort(real, axis=2))
  assert list(found) == ['32', '16', 'mean']
  assert found['mean'] == pytest.approx((found['32'] + found['16']) / 2)


def test_image_distance_within_a_kind_is_smaller_than_between_kinds():
  noise, same, other = (pictures(seed, num=60) for seed in range(3))
  near, far = few(noise, same, per_image=32), few(noise, np.sort(other, axis=2), per_image=32)
  assert 0 < 2 * near['32'] < far['32']
  assert 0 < 2 * near['16'] < far['16']


def test_finest_detail_is_only_in_the_finest_level():
  plain = pictures(0, num=1, height=64, width=64, channels=1) // 2
  chessboard = np.indices((64, 64)).sum(axis=0)[None, :, :, None] % 2
  levels = zip(
    sliced_wasserstein.pyramid(plain + 100 * chessboard, 3),
    sliced_wasserstein.pyramid(plain + 50, 3),
    strict=True,
  )
  changes = [abs(one - other) for one, other in levels]
  # The filter has a zero at a chessboard's frequency, also where it is mirrored.
  np.testing.assert_allclose(changes[0], 50, rtol=1e-9)
  np.testing.assert_allclose(changes[1], 0, atol=1e-9)
  np.testing.assert_allclose(changes[2], 0, atol=1e-9)


def test_pyramid_level_excludes_the_next_level():
  real = pictures(0, num=20) // 2
  brighter = real + np.arange(0, 100, 5, dtype=np.uint8)[:, None, None, None]
  found = few(real, brighter)
  assert found['32'] == pytest.approx(0, abs=1e-3)
  assert found['16'] > 50


def test_image_distance_ignores_channel_contrast_and_brightness():
  real = pictures(0, channels=1, height=28, width=28) // 4
  assert few(real, 3 * real + 20)['28'] == pytest.approx(0, abs=0.01)
  assert list(few(real, 3 * real + 20)) == ['28', 'mean']


def test_image_distance_of_swapped_channels_is_large():
  real = np.concatenate([pictures(0, channels=1), 128 + 0 * pictures(0, channels=1)], axis=3)
  assert few(real, real[..., ::-1])['32'] > 100


def test_image_distance_of_constant_images_is_finite():
  real, flat = pictures(0), np.zeros((12, 32, 32, 3), np.uint8)
  found = few(real, flat)
  assert np.isfinite(list(found.values())).all()
  # Patches at the origin: E|standard normal| x 1,000 along a line, nearly.
  assert found['32'] == pytest.approx(1e3 * np.sqrt(2 / np.pi), rel=0.15)
  assert few(flat, flat) == {'32': 0, '16': 0, 'mean': 0}


def test_image_distance_allows_unequal_counts_and_any_chunk_size(monkeypatch):
  real, fake = pictures(0, num=10), pictures(1, num=7)
  whole = few(real, fake)
  monkeypatch.setattr(sliced_wasserstein, '_IMAGES', 3)
  assert few(real, fake) == pytest.approx(whole, rel=1e-6)
  assert few(real, fake, seed=1) != pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(
  ('real', 'settings', 'message'),
  [
    (np.zeros((4, 32, 32, 3), np.float32), {}, 'real=float32'),
    (np.zeros((4, 32, 32), np.uint8), {}, 'real=.*: wrong type or shape'),
    (np.zeros((0, 32, 32, 3), np.uint8), {}, 'real=.*: wrong type or shape'),
    (np.zeros((4, 28, 28, 3), np.uint8), {}, 'resize one set'),
    (np.zeros((4, 32, 32, 3), np.uint8), {'per_image': 0}, 'per_image=0'),
    (np.zeros((4, 32, 32, 3), np.uint8), {'directions': 0}, 'directions=0'),
  ],
)
def test_other_pictures_are_rejected(real, settings, message):
  with pytest.raises(ValueError, match=message):
    sliced_wasserstein.pyramid_distance(real, pictures(0), **settings)


def test_images_smaller_than_a_patch_are_rejected():
  small = pictures(0, height=6)
  with pytest.raises(ValueError, match='no patch of 7 x 7'):
    sliced_wasserstein.pyramid_distance(small, small)


def test_distance_far_from_the_origin_is_unchanged():
  # Multiples of 1/8, which a translation by 2^40 leaves exact.
  real, fake = (np.random.default_rng(seed).integers(0, 80, (12, 3)) / 8 for seed in (0, 1))
  near = sliced_wasserstein.sliced_wasserstein(real, fake)
  assert sliced_wasserstein.sliced_wasserstein(real + 2.0**40, fake + 2.0**40) == pytest.approx(
    near, rel=1e-12
  )


@pytest.mark.parametrize('order', [100, 400, 1e4, 1e9])
def test_distance_of_high_order_is_nearly_the_maximum(order):
  real, fake, line = np.array([[0.0], [3.0]]), np.array([[10.0], [1.0]]), [[1.0, 1e-3]]
  # From quantile to quantile 1 and 7; of half of the mass, and of one of two directions.
  wanted = 7 * 0.25 ** (1 / order)
  assert sliced_wasserstein.along(real, fake, line, order) == pytest.approx(wanted, rel=1e-12)
  assert sliced_wasserstein.along(real * 1e-100, fake * 1e-100, line, order) == pytest.approx(
    wanted * 1e-100
  )
  # From 0 to 1 one half, from 3 to 10 one half, whatever the numbers.
  assert sliced_wasserstein.along(np.repeat(real, 3, axis=0), fake, line, order) == pytest.approx(
    wanted
  )


def test_distance_of_high_order_of_equal_sets_is_zero():
  real = np.array([[0.0, 1.0], [3.0, 2.0]])
  assert sliced_wasserstein.along(real, real, np.eye(2), 400) == 0
