"""Games whose numbers are schedules of the step, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.config import scheduled_game
from gan_jax.game import Aux
from gan_jax.gans import began, pacgan, two_player, unrolled
from helpers.schedule_specs import linear, same
from helpers.toy_games import dirac, play, run
from helpers.toy_networks import (
  FAKE,
  FAKE_SCORES,
  PRIOR,
  REAL,
  REAL_SCORES,
  SLOPE,
  Auto,
  Linear,
  Points,
  loss,
  make,
  softplus,
  train,
)


def scheduled(module=two_player, discriminator=None, generator=None, **spec):
  """The game of hyperparameters that may be schedules."""
  networks = {'generator': generator or Points(FAKE), 'discriminator': discriminator or Linear(SLOPE)}
  make = lambda numbers: lookup.call(module.make, numbers, networks)
  return scheduled_game.make_game(make, {'prior': PRIOR, **spec})


MINIMAX = {'name': 'minimax'}


@pytest.mark.parametrize(('step', 'weight'), [(0, 0.5), (2, 0.25), (4, 0.0), (9, 0.0)])
def test_scheduled_weight_of_a_penalty_is_that_of_the_step(step, weight):
  game = scheduled(loss=MINIMAX, penalties={'r1': {'weight': linear(0.5, 0.0, 4)}})
  plain, _ = loss(make(), 'discriminator', REAL, step=step)
  value, metrics = loss(game, 'discriminator', REAL, step=step)
  assert metrics['r1'] == 1.25
  assert value == pytest.approx(plain + weight * 1.25, rel=1e-6)


@pytest.mark.parametrize(('step', 'label'), [(0, 1.0), (1, 0.875), (4, 0.5), (9, 0.5)])
def test_scheduled_label_of_a_nested_loss_is_that_of_the_step(step, label):
  base = {'name': 'non_saturating', 'real_label': linear(1.0, 0.5, 4)}
  game = scheduled(loss={'name': 'relativistic_paired', 'base': base})
  apart = REAL_SCORES - FAKE_SCORES
  # Half of f1(d) + f2(-d), of which f1(d) = softplus(-d) + (1 - label) d.
  by_hand = (softplus(-apart) + (1 - label) / 2 * apart).mean()
  assert loss(game, 'discriminator', REAL, step=step)[0] == pytest.approx(by_hand, rel=1e-6)
  by_hand = softplus(apart).mean()
  assert loss(game, 'generator', REAL, step=step)[0] == pytest.approx(by_hand, rel=1e-6)


def test_linear_noise_scale_equals_the_annealing_of_the_game_at_each_step():
  seen = []
  annealed = {'scale': 0.5, 'steps': 4}
  # After so many steps nothing is left of the annealing of the game.
  changing = {'scale': linear(0.5, 0.0, 4), 'steps': 1e12}
  networks = {'discriminator': Linear((1.0,), note=seen.append), 'generator': Points(((0.0,),))}
  games = [scheduled(loss=MINIMAX, noise=noise, **networks) for noise in (annealed, changing)]
  for step in range(6):
    shown = []
    for game in games:
      loss(game, 'discriminator', np.zeros((5, 1)), step=step)
      shown.append(np.array(seen[-2:]))
    wanted, found = shown
    # Real and fake examples are 0, so the discriminator sees the noise alone.
    np.testing.assert_array_equal(found, wanted)
    assert bool(found.any()) == (step < 4)


def test_scheduled_rate_of_the_memory_is_that_of_the_step():
  # As in began_test, the balance of weights that stand still is 2 * 0.5 * 1 - 0.625 = 0.375.
  game = scheduled(began, discriminator=Auto(), diversity=1.0, rate=linear(0.8, 0.0, 4))
  still = {name: optax.sgd(0.0) for name in ('generator', 'discriminator')}
  state, metrics = train(game, still, 2 * np.array(REAL), steps=4)
  # The rates are 0.8, 0.6, 0.4 and 0.2, which add 0.3, 0.225, 0.15 and 0.075.
  np.testing.assert_allclose(metrics['discriminator/k'], [0, 0.3, 0.525, 0.675], rtol=1e-5)
  assert float(state.memory['k']) == pytest.approx(0.75, rel=1e-5)


def test_first_memory_has_the_number_at_step_0():
  augment = {'name': 'ada', 'initial': linear(0.25, 1.0, 4)}
  game = scheduled(loss=MINIMAX, augment=augment)
  memory = game.init_memory(jax.random.key(0), {'real': jnp.zeros((2, 4, 4, 1))})
  assert float(memory['augment']['probability']) == 0.25


def test_game_without_schedules_is_the_game_itself():
  game = make()
  assert scheduled_game.make_game(lambda spec: game, {'loss': MINIMAX}) is game


@pytest.mark.parametrize(
  ('module', 'change', 'path'),
  [
    (two_player, {'penalties': {'r1': {'weight': 1.0, 'every': same(2)}}}, r'penalties\.r1\.every'),
    (two_player, {'augment': {'name': 'ada', 'interval': same(2)}}, r'augment\.interval'),
    (pacgan, {'degree': linear(1.0, 4.0, 3)}, 'degree'),
    (unrolled, {'unroll': {'schedule': 'constant_schedule', 'value': 2}}, 'unroll'),
  ],
)
def test_number_that_decides_the_structure_is_rejected_at_once(module, change, path):
  with pytest.raises(ConfigError, match=f'^{path}=.*: changes during training'):
    scheduled(module, loss=MINIMAX, **change)


@pytest.mark.parametrize('change', [{'size': same(2)}, {'std': same(1.0)}])
def test_number_of_the_prior_is_rejected_because_samples_know_no_step(change):
  (key,) = change
  with pytest.raises(ConfigError, match=rf'^prior\.{key}=.*samples outside of training know no step'):
    scheduled(loss=MINIMAX, prior={**PRIOR, **change})


@pytest.mark.parametrize(
  ('weight', 'message'),
  [
    (linear(-1.0, 1.0, 4), r'^penalties\.r1\.weight=-1: out of range'),
    (linear(1.0, -1.0, 4), r'^at count 4: penalties\.r1\.weight=-1: out of range'),
    ({'schedule': 'x'}, r"^penalties\.r1\.weight: schedule: unknown name 'x'"),
    ({'schedule': 'linear_schedule'}, r'^penalties\.r1\.weight: linear_schedule: missing argument'),
    (linear(float('inf'), 1.0, 4), r'^penalties\.r1\.weight: linear_schedule: inf at count 0'),
    ({'init_value': 1.0}, r'^penalties\.r1\.weight=\{.*out of range'),
  ],
)
def test_bad_schedules_are_rejected_at_once(weight, message):
  with pytest.raises(ConfigError, match=message):
    scheduled(loss=MINIMAX, penalties={'r1': {'weight': weight}})


def test_label_out_of_its_range_at_a_later_step_is_rejected_at_once():
  spec = {'name': 'minimax', 'real_label': linear(1.0, 0.25, 4)}
  with pytest.raises(ConfigError, match=r'^at count 4: loss\.real_label=0.25: out of range'):
    scheduled(loss=spec)


def deciding(spec):
  """The Dirac-GAN, in which the discriminator's loss must know a weight."""
  game = dirac()
  player = game.players[0]

  def loss(variables, inputs):
    value, aux = player.loss(variables, inputs)
    return (value if spec['weight'] > 0 else -value), aux

  return game._replace(players=(player._replace(loss=loss), *game.players[1:]))


def test_loss_that_must_know_a_number_is_rejected_with_its_key():
  game = scheduled_game.make_game(deciding, {'weight': same(1.0)})
  with pytest.raises(ConfigError, match='^gan: weight: changes during training .*discriminator'):
    run(game, play())


def test_fault_of_a_loss_that_constants_have_too_keeps_its_error():
  def make(spec):
    game = dirac()

    def loss(variables, inputs):
      value = spec['weight'] * variables.params['discriminator']['value']
      return value if value > 0 else -value, Aux(variables, {})

    return game._replace(players=(game.players[0]._replace(loss=loss), *game.players[1:]))

  with pytest.raises(jax.errors.TracerBoolConversionError):
    run(scheduled_game.make_game(make, {'weight': same(1.0)}), play())
