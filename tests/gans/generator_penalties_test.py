"""Penalties of the generator in a game, by hand."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import testing
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.config import scheduled_game
from gan_jax.gans import two_player
from gan_jax.losses import regularizers
from gan_jax.losses.regularizers import LazyPenalties, LazyPenalty, Regularizer
from helpers.experiments import ROOT, experiment
from helpers.schedule_specs import linear
from helpers.toy_networks import Linear, Matrix, gradient, loss, make, train

ONE = np.array([[0.5]])
SCALE = 3.0


def game(every=1, weight=0.5, generator=None, **more):
  """The game of one coordinate and z -> 3 z, for which a path length is |3 y|."""
  spec = {'path_length': {'weight': weight, 'every': every, 'decay': 0.75}}
  generator = generator or Matrix(((SCALE,),))
  prior = {'name': 'normal', 'size': 1}
  networks = {'generator': generator, 'discriminator': Linear((2.0,))}
  specs = {'generator_penalties': spec, **more}
  return two_player.make(networks, loss={'name': 'minimax'}, prior=prior, **specs)


def remembered(target, penalty=0.0, length=0.0):
  """The memory of the game with a target, and the last penalty and mean length."""
  values = {'path_length': penalty, 'mean_path_length': length}
  own = {
    'regularizers': {'path_length': {'mean_path_length': jnp.float32(target)}},
    'last': {name: jnp.float32(value) for name, value in values.items()},
  }
  return {'regularizers': {}, 'last': {}, 'generator_penalties': own}


def test_mean_path_length_of_a_linear_generator_has_the_expected_value():
  _, metrics = loss(game(), 'generator', np.zeros((4000, 1)))
  # E|3 y| = 3 sqrt(2 / pi) = 2.394, and the standard deviation of the mean is 3 * 0.603 / sqrt(4000).
  assert metrics['mean_path_length'] == pytest.approx(3 * np.sqrt(2 / np.pi), abs=4 * 0.0286)
  # The target is 0 at the start, and E(3 y)^2 = 9 has the standard deviation 9 sqrt(2 / 4000).
  assert metrics['path_length'] == pytest.approx(9, abs=4 * 0.201)


def test_generator_penalty_is_weighted_and_added_only_to_the_generator_loss():
  plain = game(generator_penalties={})
  # For one example, the mean length is its length.
  value, metrics = loss(game(), 'generator', ONE, memory=remembered(1.5))
  length = metrics['mean_path_length']
  assert length > 0.1
  assert metrics['path_length'] == pytest.approx((length - 1.5) ** 2, rel=1e-5)
  bare, bare_metrics = loss(plain, 'generator', ONE)
  assert value == pytest.approx(bare + 0.5 * metrics['path_length'], rel=1e-5)
  assert metrics.keys() - bare_metrics.keys() == {'path_length', 'mean_path_length'}
  assert metrics['fake_score'] == bare_metrics['fake_score']
  assert loss(game(), 'discriminator', ONE) == loss(plain, 'discriminator', ONE)


def test_gradient_of_the_generator_penalty_matches_the_closed_form():
  memory = remembered(1.5)
  found, plain = (
    gradient(g, 'generator', ONE, memory=memory)['generator']['matrix']
    for g in (game(), game(generator_penalties={}))
  )
  length = loss(game(), 'generator', ONE, memory=memory)[1]['mean_path_length']
  # With length a |y|, the derivative of 0.5 (a |y| - 1.5)^2 at a = 3 is (length - 1.5) length / 3.
  np.testing.assert_allclose(found - plain, [[(length - 1.5) * length / SCALE]], rtol=1e-4)


def test_lazy_generator_penalty_applies_every_nth_step_with_n_times_the_weight():
  bare, _ = loss(game(generator_penalties={}), 'generator', ONE)
  _, now = loss(game(), 'generator', ONE, memory=remembered(1.5))
  memory, lazy = remembered(1.5, penalty=7.0, length=5.0), game(every=4)
  for step in range(9):
    value, metrics = loss(lazy, 'generator', ONE, step=step, memory=memory)
    due = step in (0, 4, 8)
    assert metrics['path_length'] == pytest.approx(now['path_length'] if due else 7)
    assert metrics['mean_path_length'] == pytest.approx(now['mean_path_length'] if due else 5)
    assert value == pytest.approx(bare + due * 4 * 0.5 * now['path_length'], rel=1e-5)


@pytest.mark.parametrize(('every', 'targets'), [(1, [1, 1.75, 2.3125]), (2, [1, 1, 1.75])])
def test_target_follows_the_lengths_of_steps_that_compute_them(every, targets):
  built = game(every)
  memory = built.init_memory(jax.random.key(0), {})
  chex.assert_trees_all_equal(memory, remembered(0.0))
  for step, target in enumerate(targets):
    metrics = {'path_length': 9.0, 'mean_path_length': 4.0}
    reported = {f'generator/{name}': jnp.float32(value) for name, value in metrics.items()}
    memory = built.update_memory(memory, None, {**reported, 'step': jnp.int32(step)}, {})
    # 0.25 * 4 = 1, then 0.75 * 1 + 1 = 1.75, then 0.75 * 1.75 + 1 = 2.3125.
    chex.assert_trees_all_close(memory, remembered(target, 9.0, 4.0))


def test_lazy_penalty_without_measures_updates_its_memory_in_every_step():
  count = Regularizer(
    lambda inputs: inputs, lambda: jnp.zeros(()), lambda memory, metrics: memory + metrics['x']
  )
  lazy = LazyPenalties({'count': LazyPenalty(count, 1.0, 2)})
  memory = lazy.init_memory()
  for step in range(3):
    memory = lazy.update_memory(memory, {'count': 0.0, 'x': 2.0, 'step': step})
  assert float(memory['regularizers']['count']) == 6


def test_memory_without_generator_penalties_is_unchanged():
  assert make().init_memory(jax.random.key(0), {}) == {'regularizers': {}, 'last': {}}


def test_scheduled_weight_of_a_generator_penalty_is_that_of_the_step():
  networks = {'generator': Matrix(((SCALE,),)), 'discriminator': Linear((2.0,))}
  spec = {
    'loss': {'name': 'minimax'},
    'prior': {'name': 'normal', 'size': 1},
    'generator_penalties': {'path_length': {'weight': linear(0.5, 0.0, 4), 'decay': 0.75}},
  }
  build = lambda numbers: lookup.call(two_player.make, numbers, networks)
  scheduled = scheduled_game.make_game(build, spec)
  for step, weight in ((0, 0.5), (2, 0.25), (9, 0.0)):
    found = loss(scheduled, 'generator', ONE, step=step)
    wanted = loss(game(weight=weight), 'generator', ONE, step=step)
    assert found[0] == pytest.approx(wanted[0], rel=1e-6)


SGD = dict.fromkeys(('discriminator', 'generator'), optax.sgd(1e-2))


def test_path_length_in_parts_and_on_eight_devices_equals_the_whole_batch():
  matrix = ((1.0, 2.0), (0.5, -1.0))
  spec = {'path_length': {'weight': 0.5, 'every': 2}}
  built = make(generator=Matrix(matrix), generator_penalties=spec)
  real = np.random.default_rng(0).normal(size=(16, 2))
  whole, metrics = train(built, SGD, real, steps=4)
  target = whole.memory['generator_penalties']['regularizers']['path_length']
  lengths = np.asarray(metrics['generator/mean_path_length'])
  # Two of the four steps compute lengths; the target moves by 1 % of each.
  assert lengths[0] == lengths[1] != lengths[2] == lengths[3]
  expected = 0.99 * 0.01 * lengths[0] + 0.01 * lengths[2]
  np.testing.assert_allclose(target['mean_path_length'], expected, rtol=1e-5)
  for division in ({'devices': 8}, {'microbatches': 4}):
    state, others = train(built, SGD, real, steps=4, **division)
    chex.assert_trees_all_close(state.variables.params, whole.variables.params, atol=1e-5)
    chex.assert_trees_all_close(state.memory, whole.memory, rtol=1e-5)
    for name in ('generator/loss', 'generator/path_length', 'generator/mean_path_length'):
      np.testing.assert_allclose(others[name], metrics[name], rtol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['conditional', 'projection', 'r1'])
def test_games_with_a_path_length_keep_the_contract(name):
  config = experiment(ROOT / 'experiments' / f'{name}.py', 'ring-test')
  config['gan']['generator_penalties'] = {'path_length': {'weight': 2.0, 'every': 4}}
  assert 'generator/path_length' in testing.check_steps(testing.Subject(config))
  testing.check_game(config)


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    ({'r1': {'weight': 1.0}}, "unknown name 'r1' .known: path_length;"),
    ({'path_length': {}}, 'path_length={}: the weight is missing; write {"weight": a number}'),
    ({'path_length': {'weight': -1}}, 'path_length.weight=-1: out of range'),
    ({'path_length': {'weight': 1, 'every': 0}}, 'path_length.every=0: out of range'),
    ({'path_length': {'weight': 1, 'decay': 1.0}}, 'path_length.decay=1.0: out of range'),
    ({'path_length': {'weight': 1, 'decays': 0.5}}, "path_length: unexpected argument 'decays'"),
  ],
)
def test_invalid_generator_penalties_are_rejected(spec, message):
  with pytest.raises(ConfigError, match=f'^generator_penalties.*{message}'):
    make(generator_penalties=spec)


def test_path_length_is_not_a_penalty_of_the_discriminator():
  assert 'path_length' not in lookup.factories(regularizers)
