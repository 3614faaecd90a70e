"""Gradients of the parts of a batch: their mean, their keys, and the memory that they save."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config import schema
from gan_jax.config.run_config import parse
from gan_jax.game import Aux, Player
from gan_jax.run import setup
from gan_jax.runtime import devices
from gan_jax.storage import checkpoints
from gan_jax.training.state import init_state
from gan_jax.training.step import make_step
from helpers.experiments import ROOT, experiment
from helpers.toy_games import ARRAYS, RATE, batch, dirac, play, run, values


def of_one_player(loss):
  """The Dirac-GAN whose generator alone plays, with a loss (value, inputs) -> (scalar, metrics)."""

  def total(variables, inputs):
    value, metrics = loss(variables.params['generator']['value'], inputs)
    return value, Aux(variables, metrics)

  return dirac()._replace(players=(Player('generator', ('generator',), total),))


def in_parts(count, **how):
  return play(**how)._replace(microbatches=count)


def test_mean_loss_in_four_parts_matches_hand_computation():
  game = of_one_player(lambda value, inputs: ((value * inputs.batch['real'] ** 2).mean(), {}))
  state, metrics = run(game, in_parts(4))
  # The rows of the first batch are 0 ... 15: the mean of their squares is 15 * 31 / 6 = 77.5.
  np.testing.assert_allclose(metrics['generator/loss'], [77.5], rtol=1e-6)
  np.testing.assert_allclose(metrics['generator/gradient_norm'], [77.5], rtol=1e-6)
  np.testing.assert_allclose(values(state)[1], 1 - RATE * 77.5, rtol=1e-6)


@pytest.mark.parametrize('count', [1, 8])
def test_parts_are_the_rows_of_one_remainder_on_any_number_of_devices(count):
  def loss(value, inputs):
    x = inputs.gather(inputs.batch['real'])
    return value * x.max(), {'first': x[0], 'size': jnp.float32(len(x))}

  state, metrics = run(of_one_player(loss), in_parts(2), devices=count)
  # The parts are the rows 0, 2, ... 14 and 1, 3, ... 15; a loss of whole batches sees one of them.
  assert float(metrics['generator/size'][0]) == 8
  assert float(metrics['generator/first'][0]) == (0 + 1) / 2
  np.testing.assert_allclose(metrics['generator/loss'], [(14 + 15) / 2])
  np.testing.assert_allclose(values(state)[1], 1 - RATE * 14.5, rtol=1e-6)


def test_network_state_is_the_mean_of_the_parts_from_the_same_start():
  game = dirac()
  maker = game.players[1]

  def init(key, examples):
    variables = game.init(key, examples)
    return variables.replace(
      state={'generator': {'mean': jnp.float32(2), 'calls': jnp.int32(3)}, 'discriminator': {}}
    )

  def loss(variables, inputs):
    value, aux = maker.loss(variables, inputs)
    old = variables.state['generator']
    new = {'mean': 0.5 * old['mean'] + 0.5 * inputs.batch['real'].mean(), 'calls': old['calls'] + 1}
    return value, aux.replace(variables=variables.replace(state={**variables.state, 'generator': new}))

  state, _ = run(game._replace(init=init, players=(maker._replace(loss=loss),)), in_parts(4))
  # Half of the old mean and half of the mean 7.5 of all rows, as for the whole batch.
  assert float(state.variables.state['generator']['mean']) == 0.5 * 2 + 0.5 * 7.5
  assert int(state.variables.state['generator']['calls']) == 4


def trained(config, count, steps=3):
  """The variables and the metrics after some steps on a number of devices."""
  built, local = setup.assemble_run(parse(config)), jax.devices()[:count]
  program = devices.Program(setup.make_call(built), local)
  state = devices.replicate(setup.initial_state(built), local)
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  for _ in range(steps):
    state, metrics = program(state, feed)
  return checkpoints.to_arrays(devices.local(state.variables)), metrics


def assert_close(one, other):
  for name, array in one.items():
    np.testing.assert_allclose(other[name], array, rtol=2e-4, atol=2e-6, err_msg=name)


SGD = {'optimizer': 'sgd', 'learning_rate': 0.01}
SMALL = {'steps_per_call': 1, 'players': {'generator': SGD, 'discriminator': SGD}}


def small(name, **changes):
  config = experiment(ROOT / 'experiments' / f'{name}.py', 'ring-test')
  return {**config, **SMALL, **changes}


def test_wgan_gp_in_four_parts_equals_the_whole_batch_with_the_same_keys():
  # Latents and the points of the penalty are random: other keys would be other examples.
  whole, metrics = trained(small('wgan_gp'), 1)
  parts, in_four = trained(small('wgan_gp', microbatches=4), 1)
  assert_close(whole, parts)
  for name in ('discriminator/loss', 'discriminator/gradient_norm', 'generator/loss'):
    np.testing.assert_allclose(in_four[name], metrics[name], rtol=1e-4)


@pytest.mark.slow
def test_batch_statistics_in_parts_do_not_depend_on_the_number_of_devices():
  config = small('ragan', microbatches=2)
  one, _ = trained(config, 1)
  assert_close(one, trained(config, 8)[0])
  whole, _ = trained({**config, 'microbatches': 1}, 1)
  assert any(np.abs(whole[name] - one[name]).max() > 1e-5 for name in whole)


def lowered(game, how):
  """A step before its compilation."""
  state = init_state(game, how, jax.random.key(0), batch(ARRAYS, 0, np.arange(16)))
  step, local = make_step(game, how, batch, devices.GLOBAL_BATCH, 1), jax.devices()[:1]
  call = jax.pmap(step, devices.AXIS, in_axes=(None, 0), out_axes=None, devices=local)
  return call.lower(state, devices.shard_batch(ARRAYS, 16, local))


def test_one_part_has_no_loop():
  assert 'while' not in lowered(dirac(), in_parts(1)).as_text()
  assert 'while' in lowered(dirac(), in_parts(2)).as_text()


def test_eight_parts_take_less_than_half_of_the_memory():
  def loss(value, inputs):
    # Four layers of 4,096 float32 for each example: 1 MB of activations in a batch of 16.
    x = jnp.outer(inputs.batch['real'], jnp.arange(4096.0))
    for _ in range(4):
      x = jnp.tanh(value * jnp.sort(x, axis=1))
    return x.mean(), {}

  game = of_one_player(loss)
  whole, parts = (
    lowered(game, in_parts(count)).compile().memory_analysis().temp_size_in_bytes for count in (1, 8)
  )
  assert parts < whole / 2


def test_parts_that_do_not_divide_the_batch_of_a_device_are_refused():
  config = {**schema.plain(schema.default()), 'batch_size': 64, 'microbatches': 6}
  message = r'^microbatches=6: the batch of a device has 8 examples .* set it to 2$'
  with pytest.raises(ConfigError, match=message):
    schema.check(config, devices=8)
  with pytest.raises(ConfigError, match='^microbatches=0: out of range'):
    schema.check({**config, 'microbatches': 0}, devices=8)
  schema.check({**config, 'microbatches': 8}, devices=8)
