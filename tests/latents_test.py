import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import latents

KEYS = latents.example_keys(jax.random.key(3), jnp.arange(4000))


@pytest.mark.parametrize('factory', [latents.normal, latents.uniform])
def test_a_row_depends_on_its_key_alone(factory):
  draw = factory(5)
  np.testing.assert_array_equal(draw(KEYS)[7:9], draw(KEYS[7:9]))


def test_keys_depend_on_the_place_in_the_global_batch_alone():
  part = latents.example_keys(jax.random.key(3), jnp.array([7, 8]))
  np.testing.assert_array_equal(jax.random.key_data(part), jax.random.key_data(KEYS[7:9]))


def test_split_gives_each_example_unrelated_keys():
  a, b = latents.split(KEYS)
  assert a.shape == b.shape == KEYS.shape
  data = np.concatenate([jax.random.key_data(k) for k in (KEYS, a, b)])
  assert len(np.unique(data, axis=0)) == 3 * len(KEYS)


def test_moments_and_range():
  normal, uniform = latents.normal(3)(KEYS), latents.uniform(3)(KEYS)
  # Over n = 12,000 draws the mean of N(0, 1) has a standard deviation of 0.0091.
  assert abs(float(normal.mean())) < 0.04
  assert float(normal.std()) == pytest.approx(1.0, abs=0.03)
  assert -1 <= float(uniform.min()) < -0.99
  assert 0.99 < float(uniform.max()) < 1
  assert float(uniform.var()) == pytest.approx(1 / 3, abs=0.02)
