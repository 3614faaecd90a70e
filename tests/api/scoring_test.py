"""Scores of two sets: equal for every way to give a set, and for statistics in place of samples."""

import numpy as np
import pytest
import scipy.linalg

from gan_jax.api import scoring
from gan_jax.common import pixels
from gan_jax.common.errors import ConfigError
from gan_jax.data import mnist5k
from gan_jax.metrics.features import random

REAL, FAKE = np.split(mnist5k.load(0, 64).images[::12], [240])
POINTS = np.random.RandomState(0).randn(60, 2)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def folder(tmp_path):
  (tmp_path / 'real').mkdir()
  for i, image in enumerate(REAL):
    (tmp_path / 'real' / f'{i:03}.png').write_bytes(pixels.png(image))
  return tmp_path / 'real'


def test_frechet_distance_of_points_matches_numpy():
  fake = POINTS[:50] * [2, 0.5] + 1
  found = scoring.score(POINTS, fake, scores=['frechet_distance'])
  one, other = (np.cov(x, rowvar=False) for x in (POINTS, fake))
  root = scipy.linalg.sqrtm(one @ other).real
  diff = POINTS.mean(axis=0) - fake.mean(axis=0)
  expected = diff @ diff + np.trace(one + other - 2 * root)
  assert list(found) == ['frechet_coordinates']
  np.testing.assert_allclose(found['frechet_coordinates'], expected, rtol=1e-5)


def test_folder_and_npz_score_as_arrays_do(folder, tmp_path):
  names = ['frechet_distance', 'precision_recall']
  settings = {'features': 'random', 'scores': names}
  values, card = scoring.score_sets(REAL, FAKE, **settings)
  np.savez(tmp_path / 'fake.npz', images=FAKE)
  again, other = scoring.score_sets(folder, tmp_path / 'fake.npz', **settings)
  assert again == values
  assert (card['data'], card['samples'], card['split']) == ('array', 'array', 'all')
  assert (other['data'], other['samples']) == (f'folder:{folder}', str(tmp_path / 'fake.npz'))
  different = {key for key in card if card[key] != other[key]}
  assert different == {'data', 'samples'}
  assert (card['real'], card['generated'], card['compared']) == (len(REAL), len(FAKE), len(FAKE))
  assert list(tmp_path.glob('cache/gan_jax/statistics/*.npz')), 'statistics of a file are stored'


def test_written_statistics_score_as_samples_do(folder, tmp_path):
  path = tmp_path / 'real.npz'
  card = scoring.write_statistics(path, folder, 'random')
  assert (card['real'], card['features']) == (len(REAL), 'random')
  settings = {'features': 'random', 'scores': ['frechet_distance']}
  expected = scoring.score(REAL, FAKE, **settings)['frechet_random']
  values, card = scoring.score_sets(path, FAKE, **settings)
  np.testing.assert_allclose(values['frechet_random'], expected, rtol=1e-6)
  assert (card['data'], card['split'], card['real']) == (str(path), 'mu and sigma', len(REAL))
  outputs = random.load()
  features = np.asarray(outputs.apply(outputs.params, REAL).features, np.float64)
  with np.load(path) as file:
    np.testing.assert_allclose(file['mu'], features.mean(axis=0), rtol=1e-5, atol=1e-6)
    covariance = np.cov(features, rowvar=False)
    np.testing.assert_allclose(file['sigma'], covariance, rtol=0, atol=1e-5 * np.abs(covariance).max())
  both = tmp_path / 'fake.npz'
  scoring.write_statistics(both, FAKE, 'random')
  np.testing.assert_allclose(scoring.score(path, both, 'random')['frechet_random'], expected, rtol=1e-6)


def test_statistics_of_a_network_without_weights_are_compared(tmp_path):
  for name, mean in (('a', 0.0), ('b', 2.0)):
    np.savez(tmp_path / f'{name}.npz', mu=np.full(4, mean), sigma=np.eye(4))
  found, card = scoring.score_sets(tmp_path / 'a.npz', tmp_path / 'b.npz', features='inception')
  # Equal covariances: 4 times 2^2.
  assert list(found) == ['frechet_inception']
  np.testing.assert_allclose(found['frechet_inception'], 16, rtol=1e-9)
  assert (card['real'], card['generated'], card['features']) == (None, None, 'inception')


def test_num_uses_the_first_samples():
  found, card = scoring.score_sets(POINTS, POINTS + 1, scores=['frechet_distance'], num=40)
  assert found == scoring.score(POINTS, POINTS[:40] + 1, scores=['frechet_distance'])
  assert card['generated'] == 40


def test_more_samples_than_are_compared_lose_their_order():
  # Samples sorted by class: the first 30 alone have one class, and the real examples have both.
  rng = np.random.RandomState(0)
  real = rng.randn(60, 2) + np.repeat([[0], [20]], 30, axis=0)
  fake = rng.randn(400, 2) + np.repeat([[0], [20]], 200, axis=0)
  assert scoring.score(real, fake, scores=['density_coverage'])['coverage_coordinates'] > 0.8


def faults(tmp_path):
  np.savez(tmp_path / 'm.npz', mu=np.zeros(3), sigma=np.eye(3))
  scoring.write_statistics(tmp_path / 'points.npz', POINTS)
  moments, ours = tmp_path / 'm.npz', tmp_path / 'points.npz'
  return {
    'of shapes': (
      (REAL, FAKE[:, :20], 'random'),
      'real=array: examples of shape (28, 28, 1), and fake=',
    ),
    'points and images': (
      (POINTS, FAKE, 'random'),
      'examples of shape (2,), and fake=array has (28',
    ),
    'no features': ((REAL, FAKE), 'features must be given for images and for statistics'),
    'unknown features': ((REAL, FAKE, 'digit'), 'features=digit: no such feature network'),
    'unknown scores': ((POINTS, POINTS, None, ['fid']), 'scores=fid: no such score'),
    'scores of samples': (
      (moments, POINTS, 'coordinates', ['kernel_distance']),
      'scores=kernel_distance: it needs examples, and one set is a file of mu and sigma (frechet_dist',
    ),
    'dimension': (
      (moments, POINTS, 'coordinates'),
      'the real set has 3 features and the samples',
    ),
    'other network': ((ours, REAL, 'random'), 'its statistics are of coordinates (features=random)'),
    'network of images': ((REAL, FAKE, 'coordinates'), 'does not accept examples of shape (28, 28, 1)'),
    'undefined score': ((POINTS, POINTS, None, ['inception']), 'coordinates has no classes'),
    'seed': ((POINTS, POINTS, None, [], -1), 'seed=-1: out of range'),
    'num': ((POINTS, POINTS, None, [], 0, 61), 'num=61: out of range (2 to 60, the samples of array)'),
    'num of statistics': ((POINTS, moments, 'coordinates', [], 0, 9), 'has statistics and no samples'),
  }


def test_unusable_requests_are_refused(tmp_path):
  for case, (arguments, said) in faults(tmp_path).items():
    with pytest.raises(ConfigError) as error:
      scoring.score(*arguments)
    assert said in str(error.value), case


def test_statistics_of_other_weights_are_refused(tmp_path):
  path = tmp_path / 'a.npz'
  scoring.write_statistics(path, REAL[:40], 'random')
  with np.load(path) as file:
    np.savez(path, **{**file, 'features_digest': np.str_('0' * 64)})
  with pytest.raises(ConfigError, match=r'a.npz: its statistics are of other weights of random'):
    scoring.score(path, FAKE, 'random')
