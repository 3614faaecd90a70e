import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy import stats

from gan_jax import latents
from gan_jax.common import rng
from gan_jax.networks.layers.dense import linear

KEYS = rng.example_keys(jax.random.key(3), jnp.arange(4000))
WEIGHTS = {'kernel': jnp.ones((2, 128)), 'bias': jnp.ones(128)}


def truncated(size):
  return latents.normal(size).truncated(0.5)


@pytest.mark.parametrize('factory', [latents.normal, latents.uniform, truncated])
def test_prior_row_depends_only_on_its_key(factory):
  draw = factory(5)
  np.testing.assert_array_equal(draw(KEYS)[7:9], draw(KEYS[7:9]))


def test_keys_depend_only_on_the_global_batch_index():
  part = rng.example_keys(jax.random.key(3), jnp.array([7, 8]))
  np.testing.assert_array_equal(jax.random.key_data(part), jax.random.key_data(KEYS[7:9]))


def test_split_gives_each_example_unrelated_keys():
  a, b = rng.split(KEYS)
  assert a.shape == b.shape == KEYS.shape
  data = np.concatenate([jax.random.key_data(k) for k in (KEYS, a, b)])
  assert len(np.unique(data, axis=0)) == 3 * len(KEYS)
  for number, keys in enumerate((a, b)):
    theirs = jax.random.split(KEYS[7])[number]
    np.testing.assert_array_equal(jax.random.key_data(keys[7]), jax.random.key_data(theirs))


def work(function):
  """How many operations the compiler counts, each as often as it is written out."""
  return jax.jit(function).lower(KEYS).compile().cost_analysis()['flops']


def test_unused_keys_are_not_computed():
  first = lambda number: lambda keys: jax.random.key_data(rng.split(keys, number)[0])
  assert work(first(7)) == work(first(1))


def test_materialized_latents_are_equal_and_computed_once():
  drawn = latents.normal(3)(KEYS)
  np.testing.assert_array_equal(jax.jit(latents.materialize)(drawn), drawn)
  draw, layer = latents.normal(2), lambda x: nn.relu(linear(128).apply({'params': WEIGHTS}, x))
  assert work(lambda keys: layer(latents.materialize(draw(keys)))) < work(
    lambda keys: layer(draw(keys))
  )


def test_prior_samples_have_expected_moments_and_range():
  normal, uniform = latents.normal(3)(KEYS), latents.uniform(3)(KEYS)
  # Over n = 12,000 draws the mean of N(0, 1) has a standard deviation of 0.0091.
  assert abs(float(normal.mean())) < 0.04
  assert float(normal.std()) == pytest.approx(1.0, abs=0.03)
  assert -1 <= float(uniform.min()) < -0.99
  assert 0.99 < float(uniform.max()) < 1
  assert float(uniform.var()) == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize('threshold', [0.1, 0.5, 1.0, 2.5])
def test_truncated_latents_have_the_distribution_of_scipy(threshold):
  drawn = np.asarray(latents.normal(5, std=2.0).truncated(threshold)(KEYS), float).ravel() / 2
  assert abs(drawn).max() <= threshold * (1 + 1e-6)
  wanted = stats.truncnorm(-threshold, threshold)
  # Over n = 20,000 draws, to four standard deviations of the mean and of the variance.
  assert abs(drawn.mean()) < 4 * wanted.std() / np.sqrt(20_000)
  error = wanted.var() * np.sqrt((wanted.stats('k') + 2) / 20_000)
  assert drawn.var() == pytest.approx(wanted.var(), abs=4 * error)
  assert stats.kstest(drawn, wanted.cdf).pvalue > 1e-3


def test_truncated_latents_share_the_uniform_numbers_of_the_prior():
  prior = latents.normal(5, std=2.0)
  plain = np.asarray(prior(KEYS), float)
  bounded = np.asarray(prior.truncated(0.5)(KEYS), float)
  # erf(x / sqrt(2)) of a standard normal x is uniform on (-1, 1); the prior has the std 2.
  uniform = lambda x: 2 * stats.norm.cdf(x / 2) - 1
  inside = 2 * stats.norm.cdf(0.5) - 1
  np.testing.assert_allclose(uniform(bounded), inside * uniform(plain), atol=1e-6)
  np.testing.assert_array_equal(prior.truncated(20.0)(KEYS), prior(KEYS))


def test_slerp_between_latents_follows_the_arc():
  # (2, 0) and (0, 1) are at a right angle: sin((1 - t) pi/2) and sin(t pi/2) are the weights.
  a, b = jnp.array([2.0, 0.0]), jnp.array([0.0, 1.0])
  np.testing.assert_allclose(latents.slerp(a, b, 1 / 3), [2 * np.cos(np.pi / 6), 0.5], rtol=1e-6)
  # 60 degrees on the unit circle: a third of the way is 20 degrees.
  b = jnp.array([0.5, np.sqrt(0.75)])
  third = latents.slerp(a / 2, b, 1 / 3)
  np.testing.assert_allclose(third, [np.cos(np.pi / 9), np.sin(np.pi / 9)], rtol=1e-6)


def test_slerp_preserves_norm_and_endpoints():
  a, b = latents.normal(100)(KEYS[:8]), latents.normal(100)(KEYS[8:16])
  a, b = (x / jnp.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
  path = latents.slerp(a[:, None], b[:, None], jnp.linspace(0, 1, 11))
  assert path.shape == (8, 11, 100)
  np.testing.assert_allclose(path[:, 0], a, rtol=1e-6)
  np.testing.assert_allclose(path[:, -1], b, rtol=1e-6)
  np.testing.assert_allclose(jnp.linalg.norm(path, axis=-1), 1, rtol=1e-5)
  cosines = (path[:, 1:] * path[:, :-1]).sum(axis=-1)
  np.testing.assert_allclose(cosines, cosines[:, :1] * np.ones(10), rtol=1e-5)


@pytest.mark.parametrize('apart', [0.0, 1e-7, 1e-4, 1e-2])
def test_slerp_of_nearly_parallel_latents_is_linear(apart):
  a, b = jnp.array([1.0, 0.0, 2.0]), jnp.array([1.0, apart, 2.0])
  np.testing.assert_allclose(latents.slerp(a, b, 0.25), 0.75 * a + 0.25 * b, atol=1e-5)
  np.testing.assert_allclose(latents.slerp(a, 3 * b, 0.25), 0.75 * a + 0.75 * b, atol=1e-5)


@pytest.mark.parametrize('apart', [0.0, 1e-7, 1e-3, 2e-3, 1e-2])
def test_slerp_of_opposite_latents_is_finite_with_its_endpoints(apart):
  a, b = jnp.array([1.0, 0.0]), jnp.array([-1.0, apart])
  path = latents.slerp(a, b, jnp.linspace(0, 1, 9))
  assert float(jnp.abs(path).max()) < 1.001
  np.testing.assert_allclose(path[0], a, rtol=1e-6)
  np.testing.assert_allclose(path[-1], b, rtol=1e-6)
  np.testing.assert_allclose(path[2, 0], 0.5 if apart < 1e-3 else np.sqrt(0.5), atol=2e-3)


def test_slerp_of_zero_latents_is_finite():
  zero, b = jnp.zeros(3), jnp.array([0.0, 2.0, 0.0])
  np.testing.assert_array_equal(latents.slerp(zero, zero, 0.3), zero)
  # As at a right angle: sin(pi/6) of b.
  np.testing.assert_allclose(latents.slerp(zero, b, 1 / 3), 0.5 * b, rtol=1e-6)
