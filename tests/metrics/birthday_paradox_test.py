"""The birthday paradox: of birthdays, of known distributions, and by hand."""

import numpy as np
import pytest

from gan_jax.metrics import birthday_paradox, distances

LINE = np.array([[0.0], [1.0], [1.25], [4.0], [1.0]])


def draw(seed, num, size):
  """Draws of `size` equally likely points of a lattice, 1 apart."""
  places = np.random.default_rng(seed).integers(0, size, num)
  return np.stack([places // 100, places % 100], axis=1).astype(np.float32)


def test_collision_probability_of_birthdays_is_known():
  assert birthday_paradox.even_batch(365) == 23
  # 1 - 365 364 ... 343 / 365^23.
  assert birthday_paradox.probability(365, 23) == pytest.approx(0.507297, abs=1e-6)
  assert birthday_paradox.probability(365, 22) == pytest.approx(0.475695, abs=1e-6)
  assert birthday_paradox.probability(365, 366) == 1
  assert birthday_paradox.probability(365, 1) == 0
  assert birthday_paradox.probability(np.inf, 1000) == 0


@pytest.mark.parametrize('size', [1, 1.5, 2, 3, 7, 100.5, 365, 12345.6, 1e6, 1e10])
def test_batch_size_is_the_smallest_with_even_probability(size):
  batch = birthday_paradox.even_batch(size)
  assert (
    birthday_paradox.probability(size, int(batch))
    >= 0.5
    > birthday_paradox.probability(size, int(batch) - 1)
  )


def test_collisions_match_hand_computation():
  # Apart by 0 (1 and 4), 0.25 (1 or 4 and 2), 1 (0 and 1 or 4), 1.25 (0 and 2), 2.75 or more (3).
  assert birthday_paradox.collisions(LINE, 1e-300) == 1
  assert birthday_paradox.collisions(LINE, 0.25) == 1
  assert birthday_paradox.collisions(LINE, 0.2500001) == 3
  assert birthday_paradox.collisions(LINE, 1.0) == 3
  assert birthday_paradox.collisions(LINE, 1.01) == 5
  assert birthday_paradox.collisions(LINE, 9) == 10


def test_support_matches_hand_computation():
  found = birthday_paradox.support(LINE, 0.3)
  assert found.collisions == 3
  assert found.size == pytest.approx(10 / 3)
  # Three draws of 10 / 3 are all different with a probability of 0.7 x 0.4 = 0.28, two with 0.7.
  assert found.batch == 3


@pytest.mark.parametrize('size', [1, 10, 300, 5000])
def test_support_of_equally_likely_points_is_their_number(size):
  num = 1500
  found = birthday_paradox.support(draw(size, num, size), 0.5)
  error = 1 / np.sqrt(num * (num - 1) / 2 / size) if size > 1 else 0
  assert found.size == pytest.approx(size, rel=4 * error + 1e-12)
  assert 1 <= found.at_least <= found.size
  assert found.batch == pytest.approx(
    birthday_paradox.even_batch(size), abs=1 + 4 * error * np.sqrt(size)
  )


def test_collision_probability_matches_simulated_batches():
  size, batch = 200, 17
  samples = draw(0, 2000, size)
  found = birthday_paradox.support(samples, 0.5).size
  batches = np.random.default_rng(1).integers(0, size, (4000, batch))
  seen = np.mean([len(set(b)) < batch for b in batches.tolist()])
  # Both have errors: 3 % of the size, and sqrt(0.25 / 4000) = 0.8 %.
  assert birthday_paradox.probability(found, batch) == pytest.approx(seen, abs=0.05)
  assert abs(seen - 0.5) < 0.05


def test_support_bound_holds_in_95_percent():
  held = [birthday_paradox.support(draw(seed, 60, 400), 0.5).at_least <= 400 for seed in range(300)]
  # 4.4 collisions in the mean; 95 % or more, with a standard deviation of 1.3 %.
  assert np.mean(held) > 0.95 - 4 * 0.013


def test_support_of_rare_points_is_small():
  rng = np.random.default_rng(0)
  # Half of one thing, half of 1,000: 1 / (1/4 + 1,000 / 2,000^2) = 3.996.
  samples = np.where(rng.random(2000) < 0.5, 0, rng.integers(1, 1001, 2000))[:, None]
  assert birthday_paradox.support(samples, 0.5).size == pytest.approx(3.996, rel=0.15)


def test_support_without_collisions_is_infinite_with_a_finite_bound():
  found = birthday_paradox.support(np.arange(100.0)[:, None], 0.5)
  assert found[:2] == (0, np.inf)
  assert found.batch == np.inf
  # exp(-4950 / N) = 5 % at N = 4950 / 2.996.
  assert found.at_least == pytest.approx(4950 / 2.996, rel=0.01)


def test_support_of_a_collapsed_generator_is_one():
  assert birthday_paradox.support(np.ones((50, 3)), 1e-9) == (1225, 1, 1, 2)


def test_chunk_size_does_not_change_the_result(monkeypatch):
  samples = np.random.default_rng(0).normal(size=(30, 3))
  whole = birthday_paradox.closest_pairs(samples, 50), birthday_paradox.collisions(samples, 1.3)
  monkeypatch.setattr(distances, 'TILE', 7)
  parts = birthday_paradox.closest_pairs(samples, 50), birthday_paradox.collisions(samples, 1.3)
  np.testing.assert_array_equal(whole[0][0], parts[0][0])
  np.testing.assert_array_equal(whole[0][1], parts[0][1])
  assert whole[1] == parts[1] > 0


def test_distances_at_the_threshold_far_from_the_origin_are_exact():
  samples = 2.0**20 + np.random.default_rng(0).integers(0, 2, (40, 64)) * 2.0**-10
  far = birthday_paradox.closest_pairs(samples, 780)[1]
  for threshold in np.unique(far):
    assert birthday_paradox.collisions(samples, threshold) == (far < threshold).sum()


def test_closest_pairs_match_hand_computation():
  pairs, apart = birthday_paradox.closest_pairs(LINE, 4)
  np.testing.assert_array_equal(pairs, [[1, 4], [1, 2], [2, 4], [0, 1]])
  np.testing.assert_array_equal(apart, [0, 0.25, 0.25, 1])
  pairs, apart = birthday_paradox.closest_pairs(LINE, 99)
  assert len(pairs) == len(apart) == 10
  assert (pairs[:, 0] < pairs[:, 1]).all()


def test_threshold_matches_hand_computation():
  # Pairs apart by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10: points 0, 1, 3, 7, 12 but for 12 - 1, 12 - 3, ...
  real = np.array([[0.0], [1.0], [3.0], [7.0], [12.0]])
  apart = np.sort([b - a for i, [a] in enumerate(real) for [b] in real[i + 1 :]])
  for size, below in ((10, 1), (5, 2), (3, 3), (1.3, 7)):
    found = birthday_paradox.calibrated_threshold(real, size=size)
    assert found == apart[below]
    assert birthday_paradox.collisions(real, found) <= below


def test_threshold_calibrates_real_data_to_the_requested_support():
  real = np.random.default_rng(0).normal(size=(1200, 3))
  threshold = birthday_paradox.calibrated_threshold(real, size=5000)
  assert birthday_paradox.support(real, threshold).size == pytest.approx(5000, rel=0.01)
  # Others of the same distribution too: 144 collisions, of which the error is 8 % twice.
  other = np.random.default_rng(1).normal(size=(1200, 3))
  assert birthday_paradox.support(other, threshold).size == pytest.approx(5000, rel=0.4)


def test_duplicate_real_examples_count_once():
  real = np.random.default_rng(0).normal(size=(300, 2))
  real[0] = 0.0
  twice = np.concatenate([real, real[:50], [[-0.0, 0.0]]])
  expected = birthday_paradox.calibrated_threshold(real, size=10_000)
  assert birthday_paradox.calibrated_threshold(twice, size=10_000) == expected > 0


def test_too_few_real_examples_are_rejected():
  real = np.random.default_rng(0).normal(size=(448, 2))
  assert birthday_paradox.calibrated_threshold(real) > 0
  with pytest.raises(ValueError, match=r'447 distinct real examples are too few .* at least 448'):
    birthday_paradox.calibrated_threshold(real[1:])


@pytest.mark.parametrize(
  ('samples', 'threshold', 'message'),
  [
    (LINE, 0.0, 'threshold=0.0'),
    (LINE, np.nan, 'threshold=nan'),
    (LINE, np.inf, 'threshold=inf'),
    (LINE[:1], 1.0, 'at least 2'),
    (LINE[:, 0], 1.0, 'shape'),
    (np.full((4, 2), np.inf), 1.0, 'NaN or infinity'),
  ],
)
def test_invalid_inputs_are_rejected(samples, threshold, message):
  with pytest.raises(ValueError, match=message):
    birthday_paradox.support(samples, threshold)


def test_zero_pairs_are_rejected():
  with pytest.raises(ValueError, match='count=0'):
    birthday_paradox.closest_pairs(LINE, 0)


def test_pairs_in_far_clusters_match_differences():
  small = np.array([[0.0], [1.0], [3.0], [7.0]])
  samples = np.concatenate([small + 1e9, small - 1e9])
  pairs, apart = birthday_paradox.closest_pairs(samples, 5)
  np.testing.assert_array_equal(pairs, [[0, 1], [4, 5], [1, 2], [5, 6], [0, 2]])
  np.testing.assert_array_equal(apart, [1, 1, 2, 2, 3])
  assert birthday_paradox.collisions(samples, 1.5) == 2
  assert birthday_paradox.calibrated_threshold(samples, size=28 / 2) == 2


def test_closest_pairs_of_copies_are_the_first_ones():
  pairs, apart = birthday_paradox.closest_pairs(np.ones((40, 2)), 3)
  np.testing.assert_array_equal(pairs, [[0, 1], [0, 2], [0, 3]])
  np.testing.assert_array_equal(apart, 0)


@pytest.mark.parametrize('size', [10.0, 1e10, 1e17, 1e300])
def test_collision_probability_that_is_tiny_keeps_its_digits(size):
  # One draw against the other, and the three pairs of three.
  assert birthday_paradox.probability(size, 2) == pytest.approx(1 / size, rel=1e-12, abs=0)
  assert birthday_paradox.probability(size, 3) == pytest.approx(
    3 / size - 2 / size / size, rel=1e-12, abs=0
  )
