"""Scores of samples of a mixture, by hand."""

import jax
import numpy as np
import pytest

from gan_jax.data import grid, mixture_1200, ring
from gan_jax.metrics import mode_coverage

LINE = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0]], np.float32)


def scores(samples, centers=LINE, std=1.0, **radius):
  found = mode_coverage.scores(np.asarray(samples, np.float32), centers, std, **radius)
  return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize('module', [ring, grid, mixture_1200])
def test_uniform_modes_have_a_perfect_score(module):
  known = module.load(0, 64).modes
  samples = np.repeat(known.centers, 3, axis=0)
  assert scores(samples, *known[:2], radius=known.radius) == pytest.approx(
    {'captured': len(known.centers), 'high_quality': 1.0, 'reverse_kl': 0.0}, abs=1e-6
  )


@pytest.mark.parametrize('module', [ring, grid, mixture_1200])
def test_collapsed_generator_has_one_mode_and_reverse_kl_log_k(module):
  known = module.load(0, 64).modes
  samples = np.repeat(known.centers[4:5], 50, axis=0)
  assert scores(samples, *known[:2], radius=known.radius) == pytest.approx(
    {'captured': 1, 'high_quality': 1.0, 'reverse_kl': np.log(len(known.centers))}, rel=1e-6
  )


def test_quality_uses_the_distance_and_not_single_coordinates():
  # |(2.5, 2.5)| = 3.54, |(2.1, 2.1)| = 2.97.
  assert scores([[2.5, 2.5]])['high_quality'] == 0
  assert scores([[2.1, 2.1]])['high_quality'] == 1


def test_quality_requires_distance_strictly_below_the_radius():
  samples = [[3.0, 0.0], [0.0, 2.999], [10.0, -3.0], [10.0, 3.001]]
  assert scores(samples)['high_quality'] == 0.25
  assert scores(samples, radius=4.0)['high_quality'] == 1
  assert scores(samples, std=2.0, radius=1.0)['high_quality'] == 0


def test_true_samples_within_three_stds_have_high_quality():
  count = 100_000
  noise = np.asarray(jax.random.normal(jax.random.key(0), (count, 2)))
  centers = ring.load(0, 64).modes.centers
  samples = centers[np.arange(count) % 8] + 0.01 * noise
  found = scores(samples, centers, 0.01)
  # |noise|^2 / 2 is exponential: a fraction p = exp(-9 / 2) is beyond 3.
  p = np.exp(-4.5)
  assert found['high_quality'] == pytest.approx(1 - p, abs=4 * np.sqrt(p * (1 - p) / count))
  assert found['captured'] == 8
  assert found['reverse_kl'] == pytest.approx(0, abs=1e-6)


def test_mode_with_only_low_quality_samples_is_not_captured():
  samples = [[0.0, 0.0], [0.0, 0.0], [14.0, 0.0], [16.0, 0.0]]
  found = scores(samples)
  assert found['captured'] == 1
  assert found['high_quality'] == 0.5
  # Fractions 1/2, 1/4, 1/4, 0: log 4 - (1/2 log 2 + 1/2 log 4) = 1/2 log 2.
  assert found['reverse_kl'] == pytest.approx(0.5 * np.log(2), rel=1e-6)


@pytest.mark.parametrize('counts', [(1, 2, 3, 4), (7, 0, 1, 0), (5, 5, 0, 5), (1, 0, 0, 0)])
def test_reverse_kl_matches_hand_computation(counts):
  samples = np.repeat(LINE, counts, axis=0)
  q = np.array([count for count in counts if count]) / sum(counts)
  found = scores(samples)
  assert found['reverse_kl'] == pytest.approx((q * np.log(q * 4)).sum(), rel=1e-6)
  assert found['captured'] == len(q)


def test_sample_is_assigned_to_the_nearest_mode():
  # 4.9 is nearer to 0 and 5.1 to 10, of high quality with a radius of 5 in both.
  assert scores([[4.9, 0.0]] * 3 + [[5.1, 0.0]] * 3, radius=5.0) == pytest.approx(
    {'captured': 2, 'high_quality': 1.0, 'reverse_kl': np.log(2)}, rel=1e-6
  )


def test_distances_in_1200_dimensions_far_from_the_origin_are_exact():
  known = mixture_1200.load(0, 64).modes
  # 9.9 and 10.1 from the center at -13 in every coordinate.
  samples = np.repeat(known.centers[8:9], 2, axis=0)
  samples[0, 5] += 9.9
  samples[1, 5] += 10.1
  assert scores(samples, *known[:2], radius=known.radius) == pytest.approx(
    {'captured': 1, 'high_quality': 0.5, 'reverse_kl': np.log(10)}, rel=1e-6
  )


def test_true_samples_in_1200_dimensions_are_assigned_to_their_modes():
  source = mixture_1200.load(0, 64)
  batch = jax.jit(source.batch)(source.arrays, 0, np.arange(200))
  found = scores(batch['real'], *source.modes[:2], radius=source.modes.radius)
  q = np.unique(batch['label'], return_counts=True)[1] / 200
  assert found['reverse_kl'] == pytest.approx((q * np.log(q * 10)).sum(), rel=1e-4)
  # They are some 26 standard deviations from their centers, see the source.
  assert found['high_quality'] == found['captured'] == 0


def test_nonfinite_samples_are_assigned_to_no_mode():
  centers = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
  samples = np.concatenate([centers, np.full((2, 2), np.nan), [[np.inf, 0.0]]]).astype(np.float32)
  found = mode_coverage.scores(samples, centers, 0.1)
  assert found == pytest.approx({'captured': 2, 'high_quality': 0.4, 'reverse_kl': 0.0})
  none = mode_coverage.scores(samples[2:], centers, 0.1)
  assert none == pytest.approx({'captured': 0, 'high_quality': 0.0, 'reverse_kl': np.log(2)})


@pytest.mark.parametrize(('samples', 'centers'), [((4, 3), (2, 2)), ((4,), (2, 2)), ((4, 2), (2,))])
def test_other_shapes_are_rejected(samples, centers):
  with pytest.raises(AssertionError):
    mode_coverage.scores(np.zeros(samples), np.zeros(centers), 1.0)


@pytest.mark.parametrize('scale', [1e-30, 1e-20, 1.0, 1e20, 1e30])
def test_scores_are_scale_invariant(scale):
  samples = np.array([[0.0, 0.0], [0.5, 0.5], [10.5, 0.0], [16.0, 0.0]], np.float32)
  scale = np.float32(scale)
  assert scores(scale * samples, scale * LINE, scale) == pytest.approx(scores(samples), rel=1e-6)


def test_distant_finite_sample_has_low_quality():
  found = scores([[0.0, 0.0], [1e20, 0.0]])
  assert found['high_quality'] == 0.5
  # It belongs to a mode, so the shares are of two samples: 1/2 and 1/2, or both of the first mode.
  belongs = scores([[0.0, 0.0], [1e20, 0.0]], centers=np.array([[0.0, 0.0], [1e20, 1e19]], np.float32))
  assert belongs['reverse_kl'] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize('count', [3, 7, 11, 23, 49, 101])
def test_reverse_kl_of_equal_fractions_is_at_least_0(count):
  centers = np.stack([10 * np.arange(count), np.zeros(count)], axis=1).astype(np.float32)
  assert 0 <= scores(centers, centers)['reverse_kl'] < 1e-6
