"""WGAN-GP: a critic whose gradient norm is driven to 1 between real and fake examples."""

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import wgan_gp
from helpers.experiments import ROOT, experiment
from helpers.toy_networks import FAKE, PRIOR, REAL, SLOPE, Bowl, Linear, Points, gradient, loss

# |(0.5, -1)|.
LENGTH = np.sqrt(1.25)


def make(discriminator=None, generator=None, **arguments):
  networks = {'generator': generator or Points(FAKE), 'discriminator': discriminator or Linear(SLOPE)}
  return wgan_gp.make(networks, prior=PRIOR, **arguments)


@pytest.mark.parametrize(
  ('arguments', 'added'),
  [
    ({}, 10 * (LENGTH - 1) ** 2),
    ({'weight': 3.0, 'target': 2.0}, 3 * (LENGTH - 2) ** 2),
    ({'weight': 3.0, 'target': 2.0, 'one_sided': True}, 0.0),
    ({'weight': 3.0, 'one_sided': True}, 3 * (LENGTH - 1) ** 2),
    ({'weight': 0.0}, 0.0),
  ],
)
def test_penalty_of_a_linear_critic_depends_on_its_weights(arguments, added):
  # The means of the scores are -0.25 and 0, see WGAN.
  assert loss(make(**arguments), 'discriminator', REAL)[0] == pytest.approx(0.25 + added, rel=1e-5)
  assert loss(make(**arguments), 'generator', REAL)[0] == pytest.approx(0)


def test_penalty_drives_the_weight_norm_to_1():
  # d/dw 10 (|w| - 1)^2 = 20 (|w| - 1) w / |w|, besides WGAN's gradient (0.5, 0).
  slopes = gradient(make(), 'discriminator', REAL)['discriminator']['weights']
  by_hand = 20 * (LENGTH - 1) * np.array(SLOPE) / LENGTH + np.array([0.5, 0])
  np.testing.assert_allclose(slopes, by_hand, rtol=1e-5)


def test_penalty_points_are_uniform_between_real_and_fake():
  # Real at 0, fake at 3, and a gradient of x at x: the mean of (3 u)^2 is 3, and with n examples its
  # standard error is sqrt((81 / 5 - 9) / n).
  count = 4000
  game = make(Bowl(), Points(((3.0,),)), weight=1.0, target=0.0)
  _, metrics = loss(game, 'discriminator', np.zeros((count, 1)))
  assert metrics['gradient_penalty'] == pytest.approx(3, abs=4 * np.sqrt(7.2 / count))


def test_negative_weight_is_rejected():
  with pytest.raises(ConfigError, match='weight=-1.0: out of range'):
    make(weight=-1.0)


def test_experiment_has_five_critic_updates_without_batch_norm():
  config = experiment(ROOT / 'experiments' / 'wgan_gp.py', '')
  assert config['gan']['weight'] == 10
  assert {name: p['updates_per_step'] for name, p in config['players'].items()} == {
    'discriminator': 5,
    'generator': 1,
  }
  assert config['networks']['discriminator']['norm'] == 'none'
