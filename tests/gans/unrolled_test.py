"""Unrolled GAN: a generator that sees the discriminator's answer, against a simulation in NumPy.

The simulation is in float64, with the discriminator's gradient written out and the generator's taken
by finite differences of its loss, through all that its samples change in the discriminator.
"""

import numpy as np
import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import two_player, unrolled
from helpers.experiments import ROOT, experiment
from helpers.toy_networks import FAKE, PRIOR, REAL, SLOPE, Linear, Points, sigmoid, softplus, train

RATE = 0.5
NETWORKS = {'generator': Points(FAKE), 'discriminator': Linear(SLOPE)}


def adam(slope, state):
  """Adam with b1 = 0.5, b2 = 0.9 and an eps of 0.01 under the root: (change, state)."""
  first, second, count = state or (0.0, 0.0, 0)
  first, second, count = 0.5 * first + 0.5 * slope, 0.9 * second + 0.1 * slope**2, count + 1
  length = np.sqrt(second / (1 - 0.9**count) + 0.01) + 1e-8
  return -0.3 * first / (1 - 0.5**count) / length, (first, second, count)


def momentum(slope, state):
  """SGD with momentum 0.9."""
  trace = slope + 0.9 * (0.0 if state is None else state)
  return -0.2 * trace, trace


OPTIMIZERS = {
  'adam': (adam, optax.adam(0.3, b1=0.5, b2=0.9, eps_root=0.01)),
  'momentum': (momentum, optax.sgd(0.2, momentum=0.9)),
}


def answer(update, weights, state, points, count=1):
  """The discriminator and its optimizer's state after `count` updates against the minimax loss."""
  real = np.array(REAL)
  for _ in range(count):
    on_real, on_fake = real @ weights, points @ weights
    slope = (-sigmoid(-on_real) @ real + sigmoid(on_fake) @ points) / len(real)
    change, state = update(slope, state)
    weights = weights + change
  return weights, state


def simulate(update, unroll, steps, order='alternating', through=True):
  """Points, weights and generator's losses of a game; without `through` the answer is held fixed."""
  weights, state, points, losses = np.array(SLOPE), None, np.array(FAKE), []
  for _ in range(steps):
    after = answer(update, weights, state, points)
    now = after if order == 'alternating' else (weights, state)
    fixed = answer(update, *now, points, unroll)[0]

    def loss(at, now=now, fixed=fixed):
      judge = answer(update, *now, at, unroll)[0] if through else fixed
      return -softplus(at @ judge).mean()

    slope, shift = np.zeros_like(points), 1e-6
    for place in np.ndindex(points.shape):
      moved = np.zeros_like(points)
      moved[place] = shift
      slope[place] = (loss(points + moved) - loss(points - moved)) / (2 * shift)
    losses.append(loss(points))
    points, (weights, state) = points - RATE * slope, after
  return points, weights, losses


def play(game, optimizer, steps, order='alternating'):
  optimizers = {'discriminator': optimizer, 'generator': optax.sgd(RATE)}
  state, metrics = train(game, optimizers, REAL, steps, order=order)
  params = state.variables.params
  return params['generator']['points'], params['discriminator']['weights'], metrics


# From the second step on the optimizer has a past.
@pytest.mark.parametrize('name', OPTIMIZERS)
@pytest.mark.parametrize('unroll', [1, 4])
@pytest.mark.parametrize('order', ['alternating', 'simultaneous'])
def test_generator_gradient_goes_through_the_unrolled_discriminator(name, unroll, order):
  update, optimizer = OPTIMIZERS[name]
  game = unrolled.make(NETWORKS, prior=PRIOR, unroll=unroll)
  points, weights, metrics = play(game, optimizer, 3, order)
  by_hand = simulate(update, unroll, 3, order)
  np.testing.assert_allclose(metrics['generator/loss'], by_hand[2], rtol=1e-5)
  np.testing.assert_allclose(points, by_hand[0], atol=1e-5)
  np.testing.assert_allclose(weights, by_hand[1], atol=1e-5)
  # Were the answer held fixed, it would be another game.
  assert abs(simulate(update, unroll, 3, order, through=False)[0] - by_hand[0]).max() > 0.02


def test_discriminator_update_ignores_the_unrolled_steps():
  _, optimizer = OPTIMIZERS['adam']
  plain = two_player.make(NETWORKS, loss={'name': 'minimax'}, prior=PRIOR)
  games = [unrolled.make(NETWORKS, prior=PRIOR, unroll=4), plain]
  (points, weights, metrics), others = (play(game, optimizer, 1) for game in games)
  np.testing.assert_array_equal(weights, others[1])
  assert metrics['discriminator/loss'] == others[2]['discriminator/loss']
  assert abs(points - others[0]).max() > 0.05


@pytest.mark.parametrize('unroll', [0, -1])
def test_zero_unrolled_steps_are_rejected(unroll):
  with pytest.raises(ConfigError, match=f'unroll={unroll}: out of range'):
    unrolled.make(NETWORKS, prior=PRIOR, unroll=unroll)


def test_experiment_unrolls_five_steps_of_adam():
  config = experiment(ROOT / 'experiments' / 'unrolled.py', 'ring')
  assert config['gan'] == {
    'name': 'unrolled',
    'unroll': 5,
    'prior': {'name': 'normal', 'size': 2},
  }
  assert config['players']['discriminator']['optimizer'] == 'adam'
  assert config['update_rule'] == 'simultaneous'
