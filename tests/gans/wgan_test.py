"""WGAN: the critic's estimate of a distance, by hand, and weights that are clipped."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.gans import wgan
from gan_jax.training import optimizers
from helpers.experiments import ROOT, experiment
from helpers.toy_networks import (
  FAKE,
  FAKE_SCORES,
  PRIOR,
  REAL,
  REAL_SCORES,
  SEEN,
  SLOPE,
  Linear,
  Points,
  gradient,
  loss,
)

GAME = wgan.make({'generator': Points(FAKE), 'discriminator': Linear(SLOPE)}, prior=PRIOR)


def test_critic_raises_the_mean_difference_and_generator_its_mean():
  # Scores -1.5 and 1 of real, 1.5 and -1.5 of fake examples: means -0.25 and 0.
  value, metrics = loss(GAME, 'discriminator', REAL)
  assert value == pytest.approx(FAKE_SCORES.mean() - REAL_SCORES.mean()) == 0.25
  assert metrics == pytest.approx(SEEN)
  assert loss(GAME, 'generator', REAL)[0] == pytest.approx(0)


def test_gradients_match_hand_computation():
  # The critic: the mean fake example, (1, 0.5), less the mean real one, (0.5, 0.5).
  slopes = gradient(GAME, 'discriminator', REAL)
  np.testing.assert_allclose(slopes['discriminator']['weights'], [0.5, 0])
  # The generator: each sample is pushed up the critic, and never less for being far below.
  slopes = gradient(GAME, 'generator', REAL)
  np.testing.assert_allclose(slopes['generator']['points'], -np.array([SLOPE, SLOPE]) / 2)


@pytest.mark.parametrize(('preset', 'limit', 'rate'), [('', 0.01, 2e-4), ('ring', 0.1, 5e-4)])
def test_weights_are_clipped_after_the_rmsprop_update(preset, limit, rate):
  players = experiment(ROOT / 'experiments' / 'wgan.py', preset)['players']
  critic, updates = optimizers.make_optimizer(players['discriminator'])
  assert updates == 5
  weights = {'w': jnp.array([0.0, 0.999 * limit, -0.999 * limit])}
  slopes = {'w': jnp.array([1.0, -1.0, 1.0])}
  changes, _ = critic.update(slopes, critic.init(weights), weights)
  # The first change of RMSprop is rate g / sqrt(0.1 g^2); the other two would go past the limit.
  moved = np.asarray(weights['w'] + changes['w'])
  np.testing.assert_allclose(moved, [-rate / np.sqrt(0.1), limit, -limit], rtol=1e-5)
  generator, updates = optimizers.make_optimizer(players['generator'])
  assert updates == 1
  changes, _ = generator.update(slopes, generator.init(weights), weights)
  assert abs(weights['w'][1] + changes['w'][1]) > limit
