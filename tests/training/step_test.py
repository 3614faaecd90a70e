"""The step, on games small enough to do by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import latents
from gan_jax.common.errors import ConfigError
from gan_jax.game import Aux, Player, Variables
from gan_jax.training import state as training_state
from gan_jax.training import update_schedule
from helpers.toy_games import RATE, dirac, play, run, values


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def with_params(variables, **scalars):
  return Variables({n: {'value': jnp.float32(v)} for n, v in scalars.items()}, variables.state)


def test_alternating_step_matches_hand_computation():
  state, metrics = run(dirac(), play())
  # dL_D/dpsi = sigmoid(psi theta) theta; then dL_G/dtheta = -sigmoid(-psi theta) psi, with new psi.
  psi = 1 - RATE * sigmoid(1.0)
  theta = 1 + RATE * sigmoid(-psi) * psi
  np.testing.assert_allclose(values(state), [psi, theta], rtol=1e-6)
  got = {name: float(value[0]) for name, value in metrics.items()}
  assert got == pytest.approx(
    {
      'discriminator/loss': np.log(1 + np.e) + np.log(2),
      'discriminator/gradient_norm': sigmoid(1.0),
      'discriminator/score': 1.0,
      'generator/loss': np.log(1 + np.exp(-psi)),
      'generator/gradient_norm': sigmoid(-psi) * psi,
    },
    rel=1e-6,
  )
  assert int(state.step) == 1


def test_simultaneous_step_matches_hand_computation():
  state, _ = run(dirac(), play(order='simultaneous'))
  np.testing.assert_allclose(
    values(state), [1 - RATE * sigmoid(1.0), 1 + RATE * sigmoid(-1.0)], rtol=1e-6
  )


def test_step_with_three_discriminator_updates_matches_hand_computation():
  state, metrics = run(dirac(), play(updates=(3, 1)))
  psi, losses = 1.0, []
  for _ in range(3):
    losses.append(np.log(1 + np.exp(psi)) + np.log(2))
    psi -= RATE * sigmoid(psi)
  theta = 1 + RATE * sigmoid(-psi) * psi
  np.testing.assert_allclose(values(state), [psi, theta], rtol=1e-6)
  np.testing.assert_allclose(metrics['discriminator/loss'], [np.mean(losses)], rtol=1e-6)


@pytest.mark.parametrize('unroll', [1, 2])
def test_several_steps_per_call_match_single_steps(unroll):
  together, metrics = run(dirac(), play(), steps=4, unroll=unroll)
  assert metrics['generator/loss'].shape == (4,)
  psi = theta = 1.0
  for _ in range(4):
    psi -= RATE * sigmoid(psi * theta) * theta
    theta += RATE * sigmoid(-psi * theta) * psi
  np.testing.assert_allclose(values(together), [psi, theta], rtol=1e-6)


def test_ema_decay_is_smaller_in_early_steps():
  state, _ = run(dirac(), play(ema={'generator': 0.15}), steps=2)
  once, _ = run(dirac(), play(), steps=1)
  twice, _ = run(dirac(), play(), steps=2)
  # Decays: min(0.15, 1/10) and min(0.15, 2/11).
  first = 0.1 * 1 + 0.9 * values(once)[1]
  second = 0.15 * first + 0.85 * values(twice)[1]
  np.testing.assert_allclose(state.ema['generator']['params']['value'], second, rtol=1e-6)
  averaged = training_state.averaged(state.variables, state.ema)
  assert float(averaged.params['generator']['value']) == pytest.approx(second)
  assert float(averaged.params['discriminator']['value']) == values(state)[0]


def test_batch_statistics_are_averaged_with_the_weights():
  plain = dirac()
  judge, maker = plain.players

  def init(key, batch):
    own = {'batch_stats': {'mean': jnp.float32(0)}, 'spectral': {'u': jnp.float32(0)}}
    return Variables(plain.init(key, batch).params, {'generator': own, 'discriminator': {}})

  def generator(variables, inputs):
    value, aux = maker.loss(variables, inputs)
    own = jax.tree.map(lambda x: x + 1, variables.state['generator'])
    return value, aux.replace(variables=Variables(variables.params, {'generator': own}))

  game = plain._replace(init=init, players=(judge, maker._replace(loss=generator)))
  state, _ = run(game, play(ema={'generator': 0.15}), steps=2)
  found = training_state.averaged(state.variables, state.ema).state['generator']
  # The mean was 1 and 2 after the steps; what else a network keeps is as it was last.
  assert float(found['batch_stats']['mean']) == pytest.approx(0.15 * 0.9 * 1 + 0.85 * 2)
  assert float(found['spectral']['u']) == 2


def test_player_cannot_change_networks_it_does_not_own():
  def meddle(variables, inputs):
    params = {'generator': {'value': 7.0}, 'discriminator': {'value': 7.0}}
    state = {'generator': {'seen': jnp.float32(7)}, 'discriminator': {'seen': jnp.float32(7)}}
    loss = sum(jnp.float32(p['value']) ** 2 for p in variables.params.values())
    return loss, Aux(Variables(params, state), {})

  game = dirac()
  game = game._replace(players=(Player('generator', ('generator',), meddle),))
  game = game._replace(
    init=lambda key, batch: Variables(
      {n: {'value': jnp.float32(1)} for n in ('generator', 'discriminator')},
      {n: {'seen': jnp.float32(0)} for n in ('generator', 'discriminator')},
    )
  )
  state, _ = run(game, play())
  assert values(state) == [1.0, pytest.approx(1 - RATE * 2)]
  seen = {n: float(s['seen']) for n, s in state.variables.state.items()}
  assert seen == {'generator': 7.0, 'discriminator': 0.0}


def test_shared_network_is_allowed_in_alternating_and_not_simultaneous_play():
  def pull(variables, inputs):
    return variables.params['generator']['value'], Aux(variables, {})

  game = dirac(extra=(Player('extra', ('generator',), pull),))
  alone, _ = run(dirac(), play())
  both, _ = run(game, play())
  np.testing.assert_allclose(values(both)[1], values(alone)[1] - RATE, rtol=1e-6)
  with pytest.raises(ConfigError, match="two players train the network 'generator'"):
    update_schedule.check_owners(game)


def test_memory_is_read_by_losses_and_updated_once_per_step():
  def update_memory(memory, variables, metrics, record):
    return {'total': memory['total'] + metrics['generator/loss']}

  def remember(variables, inputs):
    return inputs.memory['total'] + 0 * variables.params['generator']['value'], Aux(variables, {})

  game = dirac(lambda key, batch: {'total': jnp.float32(5)}, update_memory)
  game = game._replace(players=(Player('generator', ('generator',), remember),))
  state, metrics = run(game, play(), steps=3)
  np.testing.assert_array_equal(metrics['generator/loss'], [5, 10, 20])
  assert float(state.memory['total']) == 40


def test_examples_and_keys_do_not_depend_on_the_number_of_devices():
  def gather(variables, inputs):
    noise = latents.normal(1)(inputs.key)[:, 0]
    weight = variables.params['generator']['value']
    seen = (inputs.batch['real'] * noise).mean()
    return weight * seen, Aux(variables, {'seen': seen})

  game = dirac()._replace(players=(Player('generator', ('generator',), gather),))
  results = [run(game, play(updates=(1, 2), rate=1e-3), steps=3, devices=d) for d in (1, 2, 8)]
  for state, metrics in results[1:]:
    np.testing.assert_allclose(metrics['generator/seen'], results[0][1]['generator/seen'], rtol=1e-5)
    np.testing.assert_allclose(values(state), values(results[0][0]), rtol=1e-6)
  seen = np.asarray(results[0][1]['generator/seen'])
  assert len(set(seen.tolist())) == 3


def test_every_update_has_its_own_batch_index_and_keys():
  def report(variables, inputs):
    noise = latents.normal(1)(inputs.key).sum()
    first = inputs.batch['real'][0]
    return 0 * variables.params['generator']['value'], Aux(variables, {'x': first, 'noise': noise})

  players = tuple(Player(n, ('generator',), report) for n in ('discriminator', 'generator'))
  _, metrics = run(dirac()._replace(players=players), play(updates=(2, 1)), steps=2)
  # Draws 0 and 1 in step 0, 2 and 3 in step 1; row 0 of draw d is 16 d; means over updates.
  np.testing.assert_array_equal(metrics['discriminator/x'], [8, 40])
  np.testing.assert_array_equal(metrics['generator/x'], [0, 32])
  noise = np.concatenate([metrics['discriminator/noise'], metrics['generator/noise']])
  assert len(set(noise.tolist())) == 4
