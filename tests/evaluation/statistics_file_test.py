"""Files of mu and sigma, as other packages write and read them."""

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.evaluation import sample_sets, statistics_file
from gan_jax.metrics import frechet

FEATURES = np.random.RandomState(0).randn(50, 3) * [1, 2, 3]


def test_written_file_has_the_mean_and_the_unbiased_covariance(tmp_path):
  path = tmp_path / 'a.npz'
  facts = {'features': 'digits', 'data_digest': 'abc', 'real': 50}
  statistics_file.write(path, frechet.moments(FEATURES), facts, 'out')
  with np.load(path) as file:
    assert sorted(file) == ['data_digest', 'features', 'mu', 'num', 'sigma']
    assert file['mu'].dtype == file['sigma'].dtype == np.float64
    np.testing.assert_allclose(file['mu'], FEATURES.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(file['sigma'], np.cov(FEATURES, rowvar=False), rtol=1e-12)
  found = sample_sets.read(path, 'real')
  assert (found.count, found.digest) == (50, 'abc')
  assert found.facts == {'features': 'digits', 'data_digest': 'abc'}
  assert frechet.distance(frechet.moments(FEATURES), found.moments) < 1e-12


def test_file_of_another_package_gives_the_same_distance(tmp_path):
  other = FEATURES + [1, 0, 2]
  np.savez(tmp_path / 'a.npz', mu=other.mean(axis=0), sigma=np.cov(other, rowvar=False))
  found = sample_sets.read(tmp_path / 'a.npz', 'real')
  assert found.count is None
  assert found.facts == {}
  # Equal covariances leave the distance of the means, 1^2 + 2^2.
  np.testing.assert_allclose(frechet.distance(found.moments, frechet.moments(FEATURES)), 5, rtol=1e-9)
  assert len(found.digest) == 64


@pytest.mark.parametrize(
  ('mu', 'sigma', 'said'),
  [
    (np.zeros(2), np.eye(3), r'shapes \(2,\) and \(3, 3\) \(\(D,\) and \(D, D\)\); write the file'),
    (np.zeros((1, 2)), np.eye(2), r'shapes \(1, 2\) and \(2, 2\)'),
    (np.zeros(2), np.full((2, 2), np.nan), 'mu or sigma has NaN'),
  ],
)
def test_arrays_of_other_shapes_are_refused(mu, sigma, said, tmp_path):
  np.savez(tmp_path / 'a.npz', mu=mu, sigma=sigma)
  with pytest.raises(ConfigError, match=f'real=.*a.npz: .*{said}'):
    sample_sets.read(tmp_path / 'a.npz', 'real')


def test_file_that_cannot_be_written_is_refused(tmp_path):
  with pytest.raises(ConfigError, match='out=.*missing/a.npz: cannot be written'):
    statistics_file.write(tmp_path / 'missing' / 'a.npz', frechet.moments(FEATURES), {}, 'out')
