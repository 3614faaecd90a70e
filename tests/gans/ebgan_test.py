"""EBGAN: energies of an autoencoder, a margin, and codes of fakes that repel each other."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import ebgan
from helpers.toy_networks import (
  DISTANCES,
  FAKE,
  PRIOR,
  REAL,
  Auto,
  Linear,
  Points,
  begin,
  gradient,
  loss,
)

# The autoencoder brings back half, so the energy is a quarter of the mean square: of (1, 2) and (0, -1)
# 0.625 and 0.125, of (3, 0) and (-1, 1) 1.125 and 0.25.
REAL_ENERGY, FAKE_ENERGY = np.array([0.625, 0.125]), np.array([1.125, 0.25])
# The cosine of (3, 0) and (-1, 1) is -1 / sqrt 2.
PULL_AWAY = 0.5


def make(fake=FAKE, **arguments):
  return ebgan.make({'generator': Points(fake), 'discriminator': Auto()}, prior=PRIOR, **arguments)


def test_energy_is_the_mean_squared_error_per_example():
  examples, copies = np.zeros((2, 3, 3, 1)), np.zeros((2, 3, 3, 1))
  copies[0, 1, 2], copies[1] = 3, 2
  np.testing.assert_allclose(ebgan.energy(jnp.array(examples), jnp.array(copies)), [1, 4])
  with pytest.raises(AssertionError, match='shape'):
    ebgan.energy(jnp.array(examples), jnp.array(copies[:, :2]))


def test_discriminator_that_is_no_autoencoder_is_refused():
  networks = {'generator': Points(FAKE), 'discriminator': Linear((1.0, 1.0))}
  game = ebgan.make(networks, prior=PRIOR)
  with pytest.raises(ConfigError, match='^networks.discriminator: not an autoencoder'):
    loss(game, 'discriminator', REAL)


@pytest.mark.parametrize('names', [(), ('generator',), ('generator', 'discriminator', 'encoder')])
def test_networks_that_are_not_a_pair_are_refused(names):
  with pytest.raises(ConfigError, match='this game: generator, discriminator'):
    ebgan.make(dict.fromkeys(names, Points(FAKE)), prior=PRIOR)


@pytest.mark.parametrize(('margin', 'value'), [(1.0, 0.75), (0.1, 0.375), (2.0, 1.6875)])
def test_discriminator_lowers_real_energy_and_raises_fakes_to_the_margin(margin, value):
  # 0.375 on average for real examples; max(0, margin - E(fake)): (0, 0.75), (0, 0), (0.875, 1.75).
  by_hand = (REAL_ENERGY + np.maximum(0, margin - FAKE_ENERGY)).mean()
  got, metrics = loss(make(margin=margin), 'discriminator', REAL)
  assert got == pytest.approx(by_hand) == value
  # Both real examples have the lower energy.
  seen = {'real_energy': 0.375, 'fake_energy': 0.6875, 'accuracy': 1.0, **DISTANCES}
  assert metrics == pytest.approx(seen)


def test_fake_above_the_margin_has_no_gradient():
  game = make(margin=0.1, pull_away=0.0)
  # d/ds of the mean over coordinates and examples of (x - s x)^2 is -2 (1 - s) mean x^2, of real ones.
  slope = gradient(game, 'discriminator', REAL)['discriminator']['scale']
  assert float(slope) == pytest.approx(-2 * 0.5 * np.mean(np.square(REAL)))


@pytest.mark.parametrize('weight', [0.0, 0.1, 2.0])
def test_pull_away_is_only_in_the_generator_loss(weight):
  game = make(pull_away=weight)
  value, metrics = loss(game, 'generator', REAL)
  assert value == pytest.approx(FAKE_ENERGY.mean() + weight * PULL_AWAY, rel=1e-6)
  assert metrics == pytest.approx({'fake_energy': 0.6875, 'pull_away': PULL_AWAY}, rel=1e-6)
  assert loss(game, 'discriminator', REAL) == loss(make(), 'discriminator', REAL)


def test_generator_lowers_the_energy_of_its_samples():
  # d/dy of mean (y / 2)^2 over four numbers is y / 8.
  slopes = gradient(make(pull_away=0.0), 'generator', REAL)['generator']['points']
  np.testing.assert_allclose(slopes, np.array(FAKE) / 8, rtol=1e-6)


def test_pull_away_decorrelates_codes():
  # Nearly one direction: a gradient step turns the two apart.
  fake = np.array([[1.0, 0.1], [1.0, -0.1]])
  at = lambda points: loss(make(tuple(map(tuple, points))), 'generator', REAL)[1]['pull_away']
  energy, both = (
    gradient(make(tuple(map(tuple, fake)), pull_away=w), 'generator', REAL)['generator']['points']
    for w in (0.0, 1.0)
  )
  assert at(fake - 0.1 * np.asarray(both - energy)) < at(fake)


def test_pull_away_uses_codes_of_all_devices():
  # With a copy of each code: of 12 ordered pairs 4 are of copies (1), and 8 of the others (0.5).
  gather = lambda codes: jnp.concatenate([codes, codes])
  _, metrics = loss(make(), 'generator', REAL, gather=gather)
  assert metrics['pull_away'] == pytest.approx((4 + 8 * 0.5) / 12, rel=1e-6)


def test_critic_output_is_the_energy():
  game = make()
  np.testing.assert_allclose(game.critic(begin(game, REAL), jnp.array(REAL)), REAL_ENERGY)


@pytest.mark.parametrize('margin', [0.0, -1.0])
def test_nonpositive_margin_is_rejected(margin):
  with pytest.raises(ValueError, match=f'margin={margin}: out of range'):
    make(margin=margin)
