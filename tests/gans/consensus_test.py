"""Consensus optimization: the squared norm of all gradients, added to every loss."""

import jax
import numpy as np
import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import consensus
from helpers.experiments import ROOT, experiment
from helpers.toy_networks import (
  FAKE,
  FAKE_SCORES,
  PRIOR,
  REAL,
  REAL_SCORES,
  SLOPE,
  Linear,
  Points,
  begin,
  gradient,
  inputs,
  loss,
  sigmoid,
  softplus,
  train,
)

# A bilinear game: real examples of mean 2, a sample theta = 5, a critic psi x with psi = 0.5. The
# losses are psi (theta - 2) and -psi theta, and v = (theta - 2, -psi) = (3, -0.5).
LINE = np.array([[0.0], [1.0], [2.0], [5.0]])
HALF_SQUARED_NORM = (3**2 + 0.5**2) / 2


def make(weight, points=((5.0,),), slope=(0.5,), name='wasserstein'):
  networks = {'generator': Points(points), 'discriminator': Linear(slope)}
  return consensus.make(networks, loss={'name': name}, prior=PRIOR, weight=weight)


@pytest.mark.parametrize('weight', [0.0, 0.1, 10.0])
def test_bilinear_game_matches_hand_computation(weight):
  value, metrics = loss(make(weight), 'discriminator', LINE)
  assert value == pytest.approx(1.5 + weight * HALF_SQUARED_NORM)
  # Real scores 0, 0.5 and 1 are lower, 2.5 is equal; distances 2 * 4 / 3 * (4 + 1 + 0 + 9) / 4.
  seen = {'accuracy': 1 / 8, 'real_distance': np.sqrt(28 / 3), 'fake_distance': 0.0}
  wanted = {'real_score': 1.0, 'fake_score': 2.5, 'half_squared_norm': HALF_SQUARED_NORM}
  assert metrics == pytest.approx(wanted | seen)
  value, metrics = loss(make(weight), 'generator', LINE)
  assert value == pytest.approx(-2.5 + weight * HALF_SQUARED_NORM)
  # Each player's gradient of 1/2 ((theta - 2)^2 + psi^2) in what it owns: psi, and theta - 2.
  slopes = gradient(make(weight), 'discriminator', LINE)
  np.testing.assert_allclose(slopes['discriminator']['weights'], [3 + weight * 0.5], rtol=1e-6)
  slopes = gradient(make(weight), 'generator', LINE)
  np.testing.assert_allclose(slopes['generator']['points'], [[-0.5 + weight * 3]], rtol=1e-6)


def test_gradient_norm_of_another_loss_matches_hand_computation():
  game = make(2.0, FAKE, SLOPE, 'non_saturating')
  critic = (sigmoid(FAKE_SCORES) @ np.array(FAKE) - sigmoid(-REAL_SCORES) @ np.array(REAL)) / 2
  points = -sigmoid(-FAKE_SCORES)[:, None] * np.array(SLOPE) / 2
  half = (np.square(critic).sum() + np.square(points).sum()) / 2
  value, metrics = loss(game, 'generator', REAL)
  assert metrics['half_squared_norm'] == pytest.approx(half, rel=1e-5)
  assert value == pytest.approx(softplus(-FAKE_SCORES).mean() + 2 * half, rel=1e-5)


def test_gradient_matches_finite_differences():
  game = make(2.0, FAKE, SLOPE, 'non_saturating')
  variables, given = begin(game, REAL), inputs(REAL)

  @jax.jit
  def value(weights):
    params = {**variables.params, 'discriminator': {'weights': weights}}
    return game.players[0].loss(variables.replace(params=params), given)[0]

  weights, step = np.array(SLOPE, np.float32), 1e-2
  for slope, moved in zip(jax.jit(jax.grad(value))(weights), step * np.eye(2), strict=True):
    difference = (value(weights + moved) - value(weights - moved)) / (2 * step)
    assert float(slope) == pytest.approx(float(difference), abs=2e-3)


def test_consensus_converges_where_gradient_descent_circles():
  distances = {}
  for weight in (0.0, 1.0):
    players = {name: optax.sgd(0.1) for name in ('discriminator', 'generator')}
    state, _ = train(make(weight), players, LINE, steps=100, order='simultaneous')
    params = state.variables.params
    place = np.array([params['generator']['points'][0, 0] - 2, params['discriminator']['weights'][0]])
    distances[weight] = np.linalg.norm(place)
  # A step multiplies by [[1, 0.1], [-0.1, 1]], of length sqrt 1.01, and with the weight of 1 by
  # [[0.9, 0.1], [-0.1, 0.9]], of length sqrt 0.82.
  start = np.sqrt(2 * HALF_SQUARED_NORM)
  assert distances[0.0] == pytest.approx(start * 1.01**50, rel=1e-4)
  assert distances[1.0] == pytest.approx(start * 0.82**50, rel=2e-2, abs=1e-6)


def test_consensus_uses_gradients_of_all_devices():
  real = np.linspace(-2, 6, 16)[:, None]
  players = {name: optax.sgd(0.1) for name in ('discriminator', 'generator')}
  game = make(0.5, name='non_saturating')
  one, metrics = train(game, players, real, 2, 1, 'simultaneous')
  eight, others = train(game, players, real, 2, 8, 'simultaneous')
  for name, value in metrics.items():
    # The mean of parts is off by rounding, which makes a distance of equal points of it.
    np.testing.assert_allclose(others[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
  for name, params in one.variables.params.items():
    for key, value in params.items():
      np.testing.assert_allclose(eight.variables.params[name][key], value, rtol=1e-5)


def test_negative_weight_is_rejected():
  with pytest.raises(ConfigError, match='weight=-0.1: out of range'):
    make(-0.1)


def test_experiment_updates_simultaneously():
  config = experiment(ROOT / 'experiments' / 'consensus.py', 'ring')
  assert config['update_rule'] == 'simultaneous'
  assert config['gan']['weight'] == 0.1
