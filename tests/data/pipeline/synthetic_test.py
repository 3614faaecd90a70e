"""Sources of points: statistics of many samples against the definitions in the papers."""

import functools

import jax
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.data import grid, mixture_1200, ring, swiss_roll

COUNT = 50_000


def draw(source, number=0, rows=None, compiled=True):
  rows = np.arange(COUNT) if rows is None else np.array(rows)
  batch = jax.jit(source.batch) if compiled else source.batch
  examples = batch(source.arrays, number, rows)
  return np.asarray(examples['real']), np.asarray(examples['label'])


def distances(points, centers):
  """Returns distances [N, K]."""
  return np.stack([np.linalg.norm(points - center, axis=1) for center in centers], axis=1)


@pytest.mark.parametrize('module', [ring, grid, swiss_roll, mixture_1200])
def test_row_depends_only_on_seed_batch_index_and_position(module):
  few = functools.partial(draw, compiled=False)
  source = module.load(3, 12)
  whole, labels = few(source, 5, range(12))
  assert whole.dtype == np.float32
  assert labels.dtype == np.int32
  assert whole.shape == (12, 1200 if module is mixture_1200 else 2)
  points, few_labels = few(source, 5, [11, 2, 7])
  np.testing.assert_array_equal(points, whole[[11, 2, 7]])
  np.testing.assert_array_equal(few_labels, labels[[11, 2, 7]])
  # A row does not depend on the batch size, but on the seed and the batch index.
  np.testing.assert_array_equal(few(module.load(3, 99), 5, range(12))[0], whole)
  others = [few(source, 6, range(12))[0], few(module.load(4, 12), 5, range(12))[0]]
  assert len({points[0, 0] for points in (whole, *others)}) == 3
  assert len(np.unique(whole[:, 0])) == 12


def assert_mixture(source, std):
  """Asserts that the mixture is balanced, labeled by the nearest center, and isotropic."""
  centers = source.modes.centers
  count, size = centers.shape
  points, labels = draw(source)
  np.testing.assert_array_equal(labels, distances(points, centers).argmin(axis=1))
  # The fraction p of a mode in n samples has a standard deviation of sqrt(p (1 - p) / n).
  fractions, p = np.bincount(labels, minlength=count) / COUNT, 1 / count
  assert abs(fractions - p).max() < 5 * np.sqrt(p * (1 - p) / COUNT)
  noise = (points - centers[labels]) / std
  # The estimates of the mean, the standard deviation, and the correlation have standard errors of
  # 1 / sqrt n, 0.7 / sqrt n, and 1 / sqrt n.
  error = 1 / np.sqrt(COUNT)
  np.testing.assert_allclose(noise.mean(axis=0), np.zeros(size), atol=5 * error)
  np.testing.assert_allclose(noise.std(axis=0), np.ones(size), atol=4 * error)
  assert abs(np.corrcoef(noise.T)[0, 1]) < 5 * error


def test_ring_has_eight_modes_on_the_unit_circle():
  source = ring.load(0, 64)
  centers = source.modes.centers
  assert centers.shape == (8, 2)
  np.testing.assert_allclose(np.linalg.norm(centers, axis=1), np.ones(8), rtol=1e-6)
  to_neighbors = np.linalg.norm(centers - np.roll(centers, 1, axis=0), axis=1)
  np.testing.assert_allclose(to_neighbors, np.full(8, 2 * np.sin(np.pi / 8)), rtol=1e-6)
  # No pair of the 28 is closer than neighbors.
  far = distances(centers, centers)[np.triu_indices(8, 1)]
  assert far.min() == pytest.approx(2 * np.sin(np.pi / 8), rel=1e-6)
  assert source.modes[1:] == (0.01, 3)
  assert_mixture(source, 0.01)


def test_ring_accepts_other_settings():
  source = ring.load(0, 64, modes=3, radius=2.0, std=0.1)
  centers = source.modes.centers
  np.testing.assert_allclose(np.linalg.norm(centers, axis=1), np.full(3, 2.0), rtol=1e-6)
  far = distances(centers, centers)[np.triu_indices(3, 1)]
  np.testing.assert_allclose(far, np.full(3, 2 * np.sqrt(3)), rtol=1e-6)
  assert_mixture(source, 0.1)


def test_grid_has_25_modes():
  source = grid.load(0, 64)
  line = (-4, -2, 0, 2, 4)
  centers = {(x, y) for x in line for y in line}
  assert {tuple(center) for center in source.modes.centers.tolist()} == centers
  assert source.modes.centers.shape == (25, 2)
  assert source.modes[1:] == (0.05, 3)
  assert_mixture(source, 0.05)


def test_grid_accepts_other_settings():
  centers = grid.load(0, 64, side=2, spacing=3.0).modes.centers
  assert sorted(map(tuple, centers.tolist())) == [(-1.5, -1.5), (-1.5, 1.5), (1.5, -1.5), (1.5, 1.5)]


def test_swiss_roll_without_noise_is_a_spiral():
  points, labels = draw(swiss_roll.load(0, 64, noise=0.0))
  assert not labels.any()
  # The radius of (t cos t, t sin t) / 7.5 determines t, and t determines the point.
  t = 7.5 * np.linalg.norm(points, axis=1)
  assert 1.5 * np.pi - 1e-4 < t.min() < 1.51 * np.pi
  assert 4.49 * np.pi < t.max() < 4.5 * np.pi + 1e-4
  spiral = t[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1) / 7.5
  np.testing.assert_allclose(points, spiral, atol=1e-4)
  # t is uniform on a range of 3 pi: the mean of n samples has a standard error of 3 pi / sqrt(12 n).
  assert t.mean() == pytest.approx(3 * np.pi, abs=4 * 3 * np.pi / np.sqrt(12 * COUNT))


def test_swiss_roll_noise_has_std_of_a_thirtieth():
  # The difference from the same samples without noise is the noise, 0.25 / 7.5 in both coordinates.
  blurred, sharp = (draw(swiss_roll.load(0, 64, noise=noise))[0] for noise in (0.25, 0.0))
  np.testing.assert_allclose((blurred - sharp).std(axis=0), [1 / 30, 1 / 30], rtol=0.015)
  assert swiss_roll.load(0, 64).modes is None


def test_mixture_1200_has_ten_modes_and_700_varying_coordinates():
  source, count = mixture_1200.load(0, 64), 2000
  points, labels = draw(source, rows=range(count))
  levels = np.array([-1, -0.5, 0, 0.5, -2, -2.5, 10, 0.25, -13, -5.5], np.float32)
  assert len(set(levels.tolist())) == 10
  np.testing.assert_array_equal(source.modes.centers, np.repeat(levels[:, None], 1200, axis=1))
  assert source.modes[1:] == (1, 10)
  np.testing.assert_array_equal(points[:, 700:], np.repeat(levels[labels][:, None], 500, axis=1))
  noise = points[:, :700] - levels[labels][:, None]
  # 1.4 million numbers: the standard errors of mean and standard deviation are below 0.001.
  assert abs(noise.mean()) < 0.005
  assert noise.std() == pytest.approx(1, abs=0.005)
  # The standard deviation of one coordinate has a standard error of 1 / sqrt(2 * 2000) = 0.016.
  np.testing.assert_allclose(noise.std(axis=0), np.ones(700), atol=0.08)
  fractions = np.bincount(labels, minlength=10) / count
  assert abs(fractions - 0.1).max() < 5 * np.sqrt(0.09 / count)


def test_mixture_1200_samples_lie_beyond_the_mode_radius():
  source = mixture_1200.load(0, 64)
  points, labels = draw(source, rows=range(100))
  lengths = np.linalg.norm(points - source.modes.centers[labels], axis=1)
  # The mean is sqrt 700 = 26.5, the standard deviation 1 / sqrt 2.
  assert lengths.mean() == pytest.approx(np.sqrt(700), abs=0.4)
  _, std, radius = source.modes
  assert lengths.min() > radius * std


@pytest.mark.parametrize(
  ('module', 'settings', 'message'),
  [
    (ring, {'modes': 1}, 'modes=1: out of range .a whole number of at least 2.; change modes'),
    (ring, {'radius': 0.0}, 'radius=0.0: out of range .a positive number.; change radius'),
    (ring, {'std': -0.01}, 'std=-0.01: out of range'),
    (grid, {'side': 1}, 'side=1: out of range'),
    (grid, {'spacing': 0.0}, 'spacing=0.0: out of range'),
    (grid, {'std': 0.0}, 'std=0.0: out of range'),
    (swiss_roll, {'scale': 0.0}, 'scale=0.0: out of range'),
    (swiss_roll, {'noise': -1.0}, 'noise=-1.0: out of range .a number of at least 0.'),
  ],
)
def test_invalid_settings_are_rejected(module, settings, message):
  with pytest.raises(ConfigError, match=message):
    module.load(0, 64, **settings)
