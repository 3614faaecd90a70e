"""BEGAN: errors of an autoencoder, and the balance that its k keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import began
from helpers.toy_networks import (
  DISTANCES,
  FAKE,
  PRIOR,
  REAL,
  Auto,
  Points,
  begin,
  gradient,
  loss,
  train,
)

# The autoencoder brings back half, so the error is half of the mean absolute value: of (1, 2) and
# (0, -1) 0.75 and 0.25, of (3, 0) and (-1, 1) 0.75 and 0.5.
REAL_ERROR, FAKE_ERROR = 0.5, 0.625


def make(**arguments):
  return began.make({'generator': Points(FAKE), 'discriminator': Auto()}, prior=PRIOR, **arguments)


def test_error_is_the_mean_absolute_difference_per_example():
  examples, copies = np.zeros((2, 3, 3, 1)), np.zeros((2, 3, 3, 1))
  copies[0, 1, 2], copies[1] = -9, 2
  np.testing.assert_allclose(began.error(jnp.array(examples), jnp.array(copies)), [1, 2])
  with pytest.raises(AssertionError, match='shape'):
    began.error(jnp.array(examples), jnp.array(copies[:, :2]))


@pytest.mark.parametrize('k', [0.0, 0.4, 1.0])
def test_losses_match_hand_computation(k):
  value, metrics = loss(make(diversity=0.5), 'discriminator', REAL, memory={'k': jnp.float32(k)})
  assert value == pytest.approx(REAL_ERROR - k * FAKE_ERROR)
  # The errors 0.75 and 0.75 are equal, and 0.25 is below 0.5.
  seen = {'real_error': REAL_ERROR, 'fake_error': FAKE_ERROR, 'accuracy': 0.75, **DISTANCES}
  assert metrics == pytest.approx({**seen, 'k': k})
  value, metrics = loss(make(diversity=0.5), 'generator', REAL, memory={'k': jnp.float32(k)})
  assert value == pytest.approx(FAKE_ERROR)
  # M = 0.5 + |0.5 * 0.5 - 0.625|.
  assert metrics == pytest.approx({'fake_error': FAKE_ERROR, 'convergence': 0.875})


def test_gradients_match_hand_computation():
  # The error at a fraction s is (1 - s) mean |x|, with derivative -mean |x|: 1 on real, 1.25 on fake.
  slopes = gradient(make(), 'discriminator', REAL, memory={'k': jnp.float32(0.4)})
  assert float(slopes['discriminator']['scale']) == pytest.approx(-1 + 0.4 * 1.25)
  # And in each of the four coordinates of fakes sign(y) / 2 / 4, where y is not 0.
  slopes = gradient(make(), 'generator', REAL, memory={'k': jnp.float32(0.4)})
  signs = np.sign(FAKE)
  np.testing.assert_allclose(np.where(signs, slopes['generator']['points'], 0), signs / 8)


@pytest.mark.parametrize(
  ('k', 'real', 'fake', 'after'),
  [
    # k + 0.1 (0.5 real - fake).
    (0.4, 1.0, 0.2, 0.43),
    (0.4, 1.0, 0.7, 0.38),
    (0.4, 0.6, 0.3, 0.4),
    (0.95, 3.0, 0.5, 1.0),
    (0.05, 1.0, 2.0, 0.0),
  ],
)
def test_k_follows_the_balance_between_0_and_1(k, real, fake, after):
  game = make(diversity=0.5, rate=0.1)
  # The fakes of the generator's turn count, not those of the discriminator's.
  metrics = {
    'discriminator/real_error': jnp.float32(real),
    'discriminator/fake_error': jnp.float32(99),
    'generator/fake_error': jnp.float32(fake),
  }
  memory = game.update_memory({'k': jnp.float32(k)}, None, metrics, {})
  assert float(memory['k']) == pytest.approx(after, rel=1e-6)


def test_k_starts_at_0_and_applies_in_the_next_step():
  assert make().init_memory(jax.random.key(0), {}) == {'k': 0}
  # With weights that stand still every step adds 0.8 * (2 * 0.5 * 1 - 0.625) = 0.3.
  game = make(diversity=1.0, rate=0.8)
  still = {name: optax.sgd(0.0) for name in ('generator', 'discriminator')}
  state, metrics = train(game, still, 2 * np.array(REAL), steps=5)
  np.testing.assert_allclose(metrics['discriminator/k'], [0, 0.3, 0.6, 0.9, 1.0], rtol=1e-5)
  losses = 2 * REAL_ERROR - np.asarray(metrics['discriminator/k']) * FAKE_ERROR
  np.testing.assert_allclose(metrics['discriminator/loss'], losses, rtol=1e-5)
  assert float(state.memory['k']) == 1


def test_critic_output_is_the_error():
  game = make()
  np.testing.assert_allclose(game.critic(begin(game, REAL), jnp.array(REAL)), [0.75, 0.25])


@pytest.mark.parametrize('diversity', [-0.1, 1.1])
def test_diversity_out_of_range_is_rejected(diversity):
  with pytest.raises(ConfigError, match=rf'diversity={diversity}: out of range \(from 0 to 1\)'):
    make(diversity=diversity)
