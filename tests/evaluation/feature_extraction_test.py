"""Feature statistics of many images on all devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import pixels, rng
from gan_jax.evaluation import feature_extraction
from gan_jax.metrics import frechet
from gan_jax.metrics.features import Outputs
from helpers.toy_features import NETWORK, brightness, pictures
from helpers.toy_games import scalars


def game_of(sample):
  return scalars(lambda *a: 0.0, lambda *a: 0.0)._replace(sample=sample)


@pytest.mark.parametrize('num', [1, 799, 800, 801, 1700])
def test_extract_covers_the_whole_dataset_for_any_size(num):
  images = pictures(num)
  statistics = feature_extraction.collect_set(NETWORK, images, num_stored=900)
  wanted = brightness(NETWORK.params, jnp.asarray(images))
  moments = frechet.moments(np.asarray(wanted.features))
  assert statistics.moments.count == num
  np.testing.assert_allclose(statistics.moments.mean, moments.mean, rtol=1e-5)
  np.testing.assert_allclose(statistics.moments.scatter, moments.scatter, rtol=1e-4, atol=1e-3 * num)
  stored = min(num, 900)
  np.testing.assert_allclose(statistics.features, wanted.features[:stored], rtol=1e-6)
  np.testing.assert_array_equal(statistics.images, images[:stored])
  assert statistics.logits.shape == (stored, 1)


def sample(variables, keys):
  draws = jax.vmap(lambda key: jax.random.uniform(key, (2, 3, 1), minval=-1.2, maxval=1.2))(keys)
  return draws + variables['shift']


def test_samples_are_uint8_and_depend_only_on_seed_and_index():
  game = game_of(sample)
  extractor = feature_extraction.FeatureExtractor(
    NETWORK, feature_extraction.generated(game, seed=3), num_stored=1000, width=2
  )
  variables = {'shift': jnp.float32(0.1)}
  statistics = extractor(variables, 805)
  wanted = sample(variables, rng.sample_keys(3, 0, 805))
  np.testing.assert_array_equal(statistics.images, pixels.to_bytes(wanted))
  few = extractor(variables, 10)
  np.testing.assert_array_equal(few.images, statistics.images[:10])
  np.testing.assert_array_equal(few.features, statistics.features[:10])
  assert few.moments.count == 10


def test_extract_without_features_requested_stores_nothing():
  statistics = feature_extraction.FeatureExtractor(
    NETWORK, feature_extraction.generated(game_of(sample), 0), num_stored=0, width=2
  )({'shift': jnp.float32(0)}, 50)
  assert statistics.features is None
  assert statistics.images is None
  assert statistics.moments.count == 50


def test_nonfinite_samples_are_rejected_and_padding_is_ignored():
  def late(variables, keys):
    # Only the first 20 keys of the seed are samples; every pixel of the others is NaN.
    first = jax.random.key_data(rng.sample_keys(0, 0, 20))
    known = (jax.random.key_data(keys)[:, None] == first[None]).all(axis=2).any(axis=1)
    return jnp.where(known[:, None, None, None], jnp.zeros((2, 3, 1)), jnp.nan)

  extractor = feature_extraction.FeatureExtractor(
    NETWORK, feature_extraction.generated(game_of(late), 0), num_stored=0, width=2
  )
  assert np.isfinite(extractor({}, 20).moments.mean).all()
  with pytest.raises(feature_extraction.NotFiniteError, match='NaN'):
    extractor({}, 21)


def test_points_are_used_unchanged():
  points = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
  network = NETWORK._replace(apply=lambda params, x: Outputs(x, x[:, :0]))
  np.testing.assert_array_equal(feature_extraction.collect_set(network, points, 30).features, points)
