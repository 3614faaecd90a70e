"""Parameters that are frozen by name: bit-identical, and without optimizer state."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config.run_config import parse
from gan_jax.game import Aux, Variables
from gan_jax.run import setup
from gan_jax.runtime import devices
from gan_jax.training import frozen
from helpers.experiments import ROOT, experiment
from helpers.toy_games import RATE, dirac, play, run

NAMES = ('generator.Dense_0.kernel', 'generator.Dense_0.bias', 'generator.Dense_10.kernel')


@pytest.mark.parametrize(
  ('pattern', 'expected'),
  [
    ('generator', NAMES),
    ('generator.Dense_0', NAMES[:2]),
    ('generator.Dense_0.bias', NAMES[1:2]),
    ('generator.Dense_1*', NAMES[2:]),
    ('*.kernel', (NAMES[0], NAMES[2])),
    ('Dense_0', ()),
    ('gen', ()),
  ],
)
def test_pattern_names_a_network_a_layer_or_an_array(pattern, expected):
  assert tuple(name for name in NAMES if frozen.matches(name, pattern)) == expected


def of_two_weights():
  """The Dirac-GAN whose generator has a second weight, theta = value + 2 other."""
  game = dirac()

  def init(key, batch):
    params = {
      'generator': {'value': jnp.float32(-0.0), 'other': jnp.float32(0.5)},
      'discriminator': {'value': jnp.float32(1)},
    }
    return Variables(params, {'generator': {}, 'discriminator': {}})

  def generator(variables, inputs):
    own = variables.params['generator']
    return own['value'] + 2 * own['other'] ** 2, Aux(variables, {})

  return game._replace(init=init, players=(game.players[1]._replace(loss=generator),))


@pytest.mark.parametrize('order', ['alternating', 'simultaneous', 'extragradient'])
def test_frozen_weight_gets_no_update_of_any_kind(order):
  decay = optax.add_decayed_weights(0.5)
  optimizer = optax.chain(decay, optax.adam(RATE), decay)
  how = play(order=order)
  how = how._replace(
    optimizers={**how.optimizers, 'generator': optimizer},
    frozen={'generator': ('generator.value',)},
    ema={'generator': 0.5},
  )
  state, metrics = run(of_two_weights(), how, steps=3)
  params = state.variables.params['generator']
  # A zero with its sign, to the bit: adding an update of 0 would lose the sign.
  assert np.signbit(params['value']) and float(params['value']) == 0
  assert float(params['other']) != 0.5
  # The moments of Adam are of the other weight alone.
  leaves = jax.tree.leaves_with_path(state.opt['generator'])
  assert not [path for path, _ in leaves if "'value'" in jax.tree_util.keystr(path)]
  assert [path for path, _ in leaves if "'other'" in jax.tree_util.keystr(path)]
  if order != 'extragradient':
    # The gradient of the other weight: 4 * 0.5, without the 1 of the frozen one.
    assert float(metrics['generator/gradient_norm'][0]) == 2.0


def test_player_whose_weights_are_all_frozen_changes_nothing():
  how = play()._replace(frozen={'generator': ('generator',)})
  state, metrics = run(of_two_weights(), how)
  assert float(state.variables.params['generator']['other']) == 0.5
  assert float(metrics['generator/gradient_norm'][0]) == 0


def config_with(patterns):
  config = experiment(ROOT / 'experiments/wgan.py', 'ring-test', steps_per_call=1)
  config['players']['discriminator']['frozen'] = patterns
  return config


def test_frozen_layer_of_an_experiment_escapes_the_weight_constraint():
  # WGAN clips every weight of its critic; a frozen layer keeps larger ones.
  config = config_with(['discriminator.Dense_0'])
  limit = config['players']['discriminator']['weight_constraints']['clip_weights']['limit']
  built, local = setup.assemble_run(parse(config)), jax.devices()[:1]
  state = devices.replicate(setup.initial_state(built), local)
  before = devices.to_host(state.variables.params['discriminator'])
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  state, _ = devices.Program(setup.make_call(built), local)(state, feed)
  after = devices.to_host(state.variables.params['discriminator'])
  jax.tree.map(np.testing.assert_array_equal, after['Dense_0'], before['Dense_0'])
  largest = {name: max(np.abs(leaf).max() for leaf in jax.tree.leaves(after[name])) for name in after}
  assert largest['Dense_0'] > 1.01 * limit > largest['Dense_1']


@pytest.mark.parametrize(
  ('patterns', 'message'),
  [
    (
      ['discriminator.Dense_9'],
      r"^players\.discriminator\.frozen='discriminator\.Dense_9': no parameter of this name \(layers: "
      r'discriminator\.Dense_0\.Dense_0, ',
    ),
    (['generator.Dense_0'], r'^players\.discriminator\.frozen=.generator\.Dense_0.: no parameter'),
    ('discriminator', r'^players\.discriminator\.frozen=.*of the wrong kind \(a list of strings\)'),
  ],
)
def test_patterns_that_name_nothing_are_refused(patterns, message):
  with pytest.raises(ConfigError, match=message):
    setup.assemble_run(parse(config_with(patterns)))
