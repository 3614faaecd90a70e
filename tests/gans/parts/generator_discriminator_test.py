"""Samples of a generator from truncated latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import game as contract
from gan_jax import latents
from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.gans import conditional, two_player
from helpers.toy_networks import PRIOR, REAL, SLOPE, Linear, Matrix, begin, make

KEYS = rng.sample_keys(0, 0, 64)
IDENTITY = ((1.0, 0.0), (0.0, 1.0))


def test_truncated_samples_come_from_truncated_latents():
  game = make(generator=Matrix(IDENTITY))
  found = contract.sample(game, begin(game, REAL), KEYS, truncation=0.5)
  np.testing.assert_array_equal(found, latents.normal(2).truncated(0.5)(KEYS))
  np.testing.assert_array_equal(contract.sample(game, begin(game, REAL), KEYS), latents.normal(2)(KEYS))


def labeled():
  """A game whose samples are latents + 10 label."""
  networks = {
    'generator': Matrix((*IDENTITY, (0.0, 0.0), (10.0, 10.0))),
    'discriminator': Linear((*SLOPE, 0.0, 0.0)),
  }
  return conditional.make(networks, prior=PRIOR, classes=2)


def test_truncated_samples_have_the_given_label_or_the_one_that_the_game_draws():
  game = labeled()
  variables = begin(game, REAL, label=[0, 1])
  bounded = latents.normal(2).truncated(0.5)(KEYS)
  label = jnp.arange(64, dtype=jnp.int32) % 2
  found = contract.sample(game, variables, KEYS, label, truncation=0.5)
  np.testing.assert_allclose(found, bounded + 10 * label[:, None], rtol=1e-6)
  drawn = contract.sample(game, variables, KEYS) - latents.normal(2)(KEYS)
  found = contract.sample(game, variables, KEYS, truncation=0.5)
  np.testing.assert_allclose(found, bounded + drawn, rtol=1e-4, atol=1e-5)
  assert set(np.unique(np.round(drawn))) == {0, 10}


@pytest.mark.parametrize('truncation', [0, -0.5, float('inf'), float('nan'), True])
def test_truncation_out_of_range_is_rejected(truncation):
  with pytest.raises(ConfigError, match=f'^--truncation={truncation}: out of range .*; change --trunc'):
    contract.check_truncation(make(), truncation, '--truncation')


@pytest.mark.parametrize(
  'prior', [{'name': 'uniform', 'size': 2}, {'name': 'mixture', 'size': 2, 'components': 2, 'std': 1.0}]
)
def test_truncation_of_latents_that_are_not_normal_is_rejected(prior):
  networks = {'generator': Matrix(IDENTITY), 'discriminator': Linear(SLOPE)}
  game = two_player.make(networks, loss={'name': 'minimax'}, prior=prior)
  message = r'^truncation=0.5: this game cannot truncate its latents .*; leave out truncation$'
  with pytest.raises(ConfigError, match=message):
    contract.sample(game, begin(game, REAL), KEYS, truncation=0.5)


def test_truncated_samples_do_not_depend_on_the_precision_of_the_user():
  game = make(generator=Matrix(IDENTITY))
  found = contract.sample(game, begin(game, REAL), KEYS, truncation=0.5)
  with jax.enable_x64(True):
    precise = latents.normal(2).truncated(0.5)(KEYS)
  assert precise.dtype == jnp.float32
  np.testing.assert_array_equal(found, precise)
