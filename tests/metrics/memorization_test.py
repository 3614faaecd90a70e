"""Nearest neighbors by hand, and the distinction of copies from new draws."""

import numpy as np
import pytest

from gan_jax.metrics import distances, memorization
from gan_jax.metrics.memorization import leave_one_out, nearest
from parity import check_images

LINE = np.array([[0.0], [1.0], [3.0], [3.0], [7.0]])


def draw(seed, num, dimensions=8):
  return np.random.default_rng(seed).normal(size=(num, dimensions))


def test_nearest_matches_scipy():
  for row in check_images.memorization(check_images.vectors()):
    assert row.difference <= row.allowed, row


def test_nearest_matches_hand_computation():
  places, apart = nearest(np.array([[0.9], [6.0], [2.0]]), LINE)
  np.testing.assert_array_equal(places, [[1], [4], [1]])
  np.testing.assert_allclose(apart, [[0.1], [1.0], [1.0]])


def test_nearest_several_are_sorted_with_ties_by_index():
  places, apart = nearest(np.array([[2.0]]), LINE, 5)
  np.testing.assert_array_equal(places, [[1, 2, 3, 0, 4]])
  np.testing.assert_array_equal(apart, [[1, 1, 1, 2, 5]])


@pytest.mark.parametrize('k', [1, 4, 20])
def test_chunk_size_does_not_change_the_result(k, monkeypatch):
  queries, bank = draw(0, 23), draw(1, 20)
  places, apart = nearest(queries, bank, k)
  full = np.linalg.norm(queries[:, None] - bank, axis=2)
  np.testing.assert_array_equal(places, full.argsort(axis=1)[:, :k])
  np.testing.assert_allclose(apart, np.sort(full, axis=1)[:, :k], rtol=1e-12)
  monkeypatch.setattr(distances, 'TILE', 5)
  for whole, parts in zip((places, apart), nearest(queries, bank, k), strict=True):
    np.testing.assert_array_equal(whole, parts)


def test_nearest_of_a_copy_far_from_the_origin_has_distance_zero():
  bank = 1e4 + draw(0, 50, 300)
  places, apart = nearest(bank[::-1], bank)
  np.testing.assert_array_equal(places[:, 0], np.arange(50)[::-1])
  np.testing.assert_array_equal(apart, 0)


def test_nearest_of_uint8_and_float16_is_computed_in_float64():
  pixels = np.array([[0, 255], [250, 3]], np.uint8)
  np.testing.assert_allclose(nearest(pixels[:1], pixels[1:])[1], np.hypot(250, 252))
  half = np.array([[300.0, 300.0]], np.float16)
  np.testing.assert_allclose(nearest(half, 0 * half)[1], 300 * np.sqrt(2))


def test_leave_one_out_excludes_the_example_but_not_its_copy():
  np.testing.assert_array_equal(leave_one_out(LINE), [1, 1, 0, 0, 4])
  np.testing.assert_array_equal(leave_one_out(np.zeros((5, 2))), 0)
  examples = draw(0, 40)
  full = np.linalg.norm(examples[:, None] - examples, axis=2) + np.diag(np.full(40, np.inf))
  np.testing.assert_allclose(leave_one_out(examples), full.min(axis=1), rtol=1e-12)


def test_memorization_matches_hand_computation():
  train = np.array([[0.0], [1.0], [3.0], [7.0]])
  # Real distances 1, 1, 2, 4; half of new ones are below the place 2.5 of 4: (1 + 2) / 2.
  fake = np.array([[0.5], [3.0], [5.0], [99.0]])
  found = memorization.memorization(fake, train, fraction=0.5)
  # Distances 0.5, 0, 2, 92, of which two are below 1.5. Median 1.25 over 1.5.
  assert found[:3] == pytest.approx((0.5, 0.5, 1.25 / 1.5))
  # Real ones farther than 0.5: 4, than 0: 4, than 2: 1 and a tie, than 92: 0, of 16.
  assert found.nearer == pytest.approx((4 + 4 + 1.5 + 0) / 16)
  assert found.z == pytest.approx((16 - 9.5 - 8) / np.sqrt(16 * 9 / 12))


def test_held_out_examples_replace_training_examples():
  train = np.array([[0.0], [1.0], [3.0], [7.0]])
  held_out, fake = np.array([[0.1], [1.2], [3.3]]), np.array([[3.0]])
  found = memorization.memorization(fake, train, held_out=held_out, fraction=0.25)
  # Distances 0.1, 0.2, 0.3: a quarter of new ones are below the first.
  assert found[:4] == pytest.approx((1, 1 / 4, 0, 1))


def test_memorization_of_an_honest_generator_is_neutral():
  train = draw(0, 1500)
  for held_out in (None, draw(2, 1500)):
    found = memorization.memorization(draw(1, 1500), train, held_out=held_out)
    # 1 % of 1,500, of which both the samples and the threshold have a standard deviation of 0.26 %.
    assert found.copied == pytest.approx(0.01, abs=4 * np.sqrt(2) * np.sqrt(0.01 * 0.99 / 1500))
    assert found.expected == pytest.approx(0.01, abs=0.001)
    assert found.median_ratio == pytest.approx(1, abs=0.05)
    # The standard deviation of the rank sum, 1 / sqrt(6 n) of n each.
    assert found.nearer == pytest.approx(0.5, abs=4 / np.sqrt(6 * 1500))
    assert abs(found.z) < 4


def test_z_of_honest_generators_is_standard_normal():
  z = []
  for seed in range(0, 450, 3):
    train, held_out, fake = (draw(seed + i, 150) for i in range(3))
    z.append(memorization.memorization(fake, train, held_out=held_out).z)
  # For 150 draws, the standard error of the mean is 1 / sqrt(150), and that of the standard deviation
  # is 1 / sqrt(300) = 0.06.
  assert abs(np.mean(z)) < 4 / np.sqrt(150)
  assert 0.75 < np.std(z) < 1.25


@pytest.mark.parametrize('noise', [0, 1e-3])
def test_memorization_of_a_copier_is_detected(noise):
  train = draw(0, 500)
  fake = train[:200] + noise * draw(1, 200)
  found = memorization.memorization(fake, train)
  assert found.copied == found.nearer == 1
  assert found.median_ratio < 0.01
  assert found.z < -15


def test_few_copies_among_poor_samples_show_only_in_the_tail():
  train = draw(0, 1000)
  fake = np.concatenate([train[:50], 3 * draw(1, 950)])
  found = memorization.memorization(fake, train)
  assert 0.05 <= found.copied < 0.06
  assert found.nearer < 0.5
  assert found.z > 3
  assert found.median_ratio > 1


def test_memorization_is_scale_invariant():
  train, fake = draw(0, 200), np.concatenate([draw(0, 20), draw(1, 80)])
  one, two = (memorization.memorization(c * fake, c * train) for c in (1, 1e-3))
  assert one == pytest.approx(two, rel=1e-9)


def test_duplicate_examples_do_not_hide_a_copier():
  train = draw(0, 400)
  train = np.concatenate([train, train[:100]])
  found = memorization.memorization(train[:200] + 1e-9, train)
  assert found.copied == 1
  # 200 of 500 at the distance 0, and about 1 % of the 300 others.
  assert found.expected == pytest.approx((200 + 3) / 500, abs=0.003)
  honest = memorization.memorization(draw(1, 400), train)
  assert honest.copied < 0.05
  assert honest.median_ratio == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize('num', [98, 99])
def test_too_few_examples_for_the_fraction_are_rejected(num):
  train = np.cumsum(np.arange(1.0, num + 1))[:, None]
  if num == 98:
    with pytest.raises(ValueError, match='98 real examples .* give at least 99'):
      memorization.memorization(train, train)
  else:
    # The hundredth part of new ones is below the first of 99.
    assert memorization.memorization(train, train).copied == 1


@pytest.mark.parametrize(
  ('fake', 'train', 'settings', 'message'),
  [
    (np.zeros((3, 2)), np.zeros((200, 2)), {}, '0 real examples have a distance above 0'),
    (np.zeros((3, 2)), draw(0, 200), {}, '2 dimensions and the bank 8'),
    (draw(0, 3), draw(0, 1), {}, 'training examples: 1 examples are too few'),
    (np.full((3, 8), np.nan), draw(0, 200), {}, 'samples: 3 of 3 examples contain NaN'),
    (draw(0, 3), draw(0, 200), {'fraction': 1.5}, 'fraction=1.5'),
  ],
)
def test_invalid_inputs_are_rejected(fake, train, settings, message):
  with pytest.raises(ValueError, match=message):
    memorization.memorization(fake, train, **settings)


@pytest.mark.parametrize('k', [0, 6])
def test_nearest_returns_at_most_the_number_of_examples(k):
  with pytest.raises(ValueError, match=f'k={k}: out of range .1 to 5'):
    nearest(LINE, LINE, k)


def differences(x, y):
  return np.linalg.norm(x[:, None] - y[None], axis=2)


@pytest.mark.parametrize(
  ('query', 'bank', 'place'),
  [
    ([1e8], [[1e8 + 1], [1e8]], 1),
    ([65536.0, 0.0], [[65536.0, 0.001], [65536.0, 0.0]], 1),
    # Two clusters: no single center is near to both.
    ([1e8], [[-1e8], [-1e8 + 1], [1e8 + 1], [1e8], [0.0]], 3),
    ([1e30, 1.0], [[1e30, 3.0], [1e30, 2.0], [-1e30, 0.0]], 1),
  ],
)
def test_nearest_far_from_the_origin_matches_differences(query, bank, place):
  query, bank = np.array([query]), np.array(bank)
  places, apart = nearest(query, bank)
  assert places[0, 0] == place
  assert apart[0, 0] == np.linalg.norm(query[0] - bank[place])


@pytest.mark.parametrize('spread', [1.0, 1e-6, 1e-12])
def test_nearest_in_far_clusters_matches_differences(spread):
  ends = np.random.default_rng(2).choice([-1.0, 1.0], (60, 1))
  bank, queries = ends + spread * draw(0, 60), ends[:20] + spread * draw(1, 20)
  places, apart = nearest(queries, bank, 3)
  full = differences(queries, bank)
  np.testing.assert_array_equal(places, full.argsort(axis=1, kind='stable')[:, :3])
  np.testing.assert_array_equal(apart, np.sort(full, axis=1)[:, :3])


def test_nearest_of_many_copies_returns_the_first_ones():
  bank = np.concatenate([np.ones((5000, 3)), np.zeros((1, 3)), np.ones((5, 3))])
  places, apart = nearest(np.zeros((2, 3)), bank, 3)
  np.testing.assert_array_equal(places, [[5000, 0, 1]] * 2)
  np.testing.assert_array_equal(apart, [[0, np.sqrt(3), np.sqrt(3)]] * 2)


def test_leave_one_out_of_far_examples_matches_differences():
  examples = np.array([[1e9], [1e9 + 1], [1e9 + 3], [-1e9], [-1e9 + 5]])
  np.testing.assert_array_equal(leave_one_out(examples), [1, 1, 2, 5, 5])


@pytest.mark.parametrize(
  ('dimensions', 'num', 'fraction'), [(2, 300, 0.02), (8, 300, 0.02), (2, 300, 0.01)]
)
def test_honest_generator_without_held_out_examples_copies_the_expected_fraction(
  dimensions, num, fraction
):
  found = []
  for seed in range(300):
    train, fake = draw(2 * seed, num, dimensions), draw(2 * seed + 1, num, dimensions)
    found.append(memorization.memorization(fake, train, fraction=fraction))
  copied, expected, _, nearer, z = np.mean(found, axis=0)
  # Samples and threshold have a variance of about fraction / num and twice that.
  assert expected == pytest.approx(fraction, rel=1e-9)
  assert copied == pytest.approx(fraction, abs=4 * np.sqrt(3 * fraction / num / 200))
  assert nearer == pytest.approx(0.5, abs=0.01)
  assert abs(z) < 4 / np.sqrt(200)
  # That of 200 has a standard deviation of 1 / sqrt(400) = 0.05.
  assert 0.8 < np.std([one.z for one in found]) < 1.1


def test_mutual_nearest_neighbors_count_as_two_equal_distances():
  # Distances 1, 1, 2, 2, 4: the second pair ends at 4 of 6, the first at 2 of 6.
  train = np.array([[0.0], [1.0], [10.0], [12.0], [16.0]])
  for fraction, threshold in ((1 / 3, 1.0), (1 / 2, 1.5), (2 / 3, 2.0)):
    fake = np.array([[20 + 16 + threshold - 1e-9], [16 + threshold - 1e-9], [16 + threshold + 1e-9]])
    found = memorization.memorization(fake, train, fraction=fraction)
    assert found.copied == pytest.approx(1 / 3)
    assert found.expected == pytest.approx(fraction)
  # Not even the first pair is so rare.
  assert memorization.memorization(fake, train, fraction=1 / 5).expected == pytest.approx(1 / 3)
