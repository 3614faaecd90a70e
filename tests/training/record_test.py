"""What a loss records of its examples, and how it reaches the memory of the game."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.game import Aux
from helpers.toy_games import dirac, play, run


def recording():
  """The Dirac-GAN whose discriminator records its real examples, which the memory keeps."""

  def update_memory(memory, variables, metrics, record):
    return {'seen': record['discriminator/real'], 'sum': memory['sum'] + record['discriminator/real']}

  game = dirac(lambda key, batch: dict.fromkeys(('seen', 'sum'), jnp.zeros(16)), update_memory)
  discriminator, generator = game.players

  def loss(variables, inputs):
    value, aux = discriminator.loss(variables, inputs)
    return value, Aux(aux.variables, aux.metrics, {'real': inputs.batch['real']})

  return game._replace(players=(discriminator._replace(loss=loss), generator))


@pytest.mark.parametrize('devices', [1, 8])
@pytest.mark.parametrize('microbatches', [1, 2])
def test_record_of_all_devices_reaches_the_memory_in_the_order_of_rows(devices, microbatches):
  how = play()._replace(microbatches=microbatches)
  state, _ = run(recording(), how, steps=3, devices=devices)
  # Row n of the toy data is 16 n ... 16 n + 15.
  np.testing.assert_array_equal(state.memory['seen'], np.arange(32, 48))
  np.testing.assert_array_equal(state.memory['sum'], 3 * np.arange(16) + 16 * (0 + 1 + 2))


def test_record_of_several_updates_is_that_of_the_last():
  state, _ = run(recording(), play(updates=(3, 1)))
  np.testing.assert_array_equal(state.memory['seen'], np.arange(32, 48))


@pytest.mark.parametrize('order', ['simultaneous', 'extragradient'])
def test_record_reaches_the_memory_under_every_update_rule(order):
  state, _ = run(recording(), play(order=order))
  # The extragradient method takes its second gradients on a second batch.
  first = 16 if order == 'extragradient' else 0
  np.testing.assert_array_equal(state.memory['seen'], np.arange(first, first + 16))
