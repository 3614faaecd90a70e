"""The step, on games small enough to do by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import build, latents, parallel, train
from gan_jax.errors import ConfigError
from gan_jax.game import Aux, Game, Player, Variables

RATE = 0.1


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def with_params(variables, **scalars):
  return Variables({n: {'value': jnp.float32(v)} for n, v in scalars.items()}, variables.state)


def dirac(init_memory=None, update_memory=None, extra=()):
  """The Dirac-GAN (Mescheder et al. 2018): data at 0, a generator at theta, a critic psi * x."""

  def init(key, batch):
    params = {'generator': {'value': jnp.float32(1)}, 'discriminator': {'value': jnp.float32(1)}}
    return Variables(params, {'generator': {}, 'discriminator': {}})

  def score(variables):
    params = variables.params
    return params['generator']['value'] * params['discriminator']['value']

  def discriminator(variables, inputs):
    return jax.nn.softplus(score(variables)) + jnp.log(2.0), Aux(variables, {'score': score(variables)})

  def generator(variables, inputs):
    return jax.nn.softplus(-score(variables)), Aux(variables, {})

  players = (
    Player('discriminator', ('discriminator',), discriminator),
    Player('generator', ('generator',), generator),
    *extra,
  )
  memory = {'init_memory': init_memory, 'update_memory': update_memory} if init_memory else {}
  return Game({}, players, init, lambda variables, key: key, **memory)


def play(updates=(1, 1), order='alternating', ema=None, rate=RATE):
  names = ('discriminator', 'generator', 'extra')
  return train.Play(
    optimizers={n: optax.sgd(rate) for n in names},
    updates=dict(zip(names, (*updates, 1), strict=False)),
    ema=ema or {},
    order=order,
  )


def batch(arrays, draw, rows):
  return {'real': arrays['x'][draw % 8, rows]}


ARRAYS = {'x': np.arange(8 * 16, dtype=np.float32).reshape(8, 16)}


def run(game, how, steps=1, devices=1):
  """The state and metrics after one call of `steps` steps."""
  local = jax.devices()[:devices]
  state = train.init_state(game, how, jax.random.key(0), batch(ARRAYS, 0, np.arange(16)))
  call = parallel.on_devices(train.make_step(game, how, batch, parallel.ACROSS, steps), local)
  feed = parallel.feed(ARRAYS, 16, local)
  return call(parallel.replicate(state, local), feed)


def values(state):
  return [float(state.variables.params[n]['value']) for n in ('discriminator', 'generator')]


def test_one_alternating_step_by_hand():
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


def test_one_simultaneous_step_by_hand():
  state, _ = run(dirac(), play(order='simultaneous'))
  np.testing.assert_allclose(
    values(state), [1 - RATE * sigmoid(1.0), 1 + RATE * sigmoid(-1.0)], rtol=1e-6
  )


def test_three_updates_of_the_discriminator_in_a_step():
  state, metrics = run(dirac(), play(updates=(3, 1)))
  psi, losses = 1.0, []
  for _ in range(3):
    losses.append(np.log(1 + np.exp(psi)) + np.log(2))
    psi -= RATE * sigmoid(psi)
  theta = 1 + RATE * sigmoid(-psi) * psi
  np.testing.assert_allclose(values(state), [psi, theta], rtol=1e-6)
  np.testing.assert_allclose(metrics['discriminator/loss'], [np.mean(losses)], rtol=1e-6)


def test_several_steps_in_a_call_are_several_steps():
  together, metrics = run(dirac(), play(), steps=3)
  assert metrics['generator/loss'].shape == (3,)
  psi = theta = 1.0
  for _ in range(3):
    psi -= RATE * sigmoid(psi * theta) * theta
    theta += RATE * sigmoid(-psi * theta) * psi
  np.testing.assert_allclose(values(together), [psi, theta], rtol=1e-6)


def test_the_average_of_weights_forgets_fast_at_first():
  state, _ = run(dirac(), play(ema={'generator': 0.15}), steps=2)
  once, _ = run(dirac(), play(), steps=1)
  twice, _ = run(dirac(), play(), steps=2)
  # Decays: min(0.15, 1/10) and min(0.15, 2/11).
  first = 0.1 * 1 + 0.9 * values(once)[1]
  second = 0.15 * first + 0.85 * values(twice)[1]
  np.testing.assert_allclose(state.ema['generator']['params']['value'], second, rtol=1e-6)
  averaged = train.averaged(state.variables, state.ema)
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
  found = train.averaged(state.variables, state.ema).state['generator']
  # The mean was 1 and 2 after the steps; what else a network keeps is as it was last.
  assert float(found['batch_stats']['mean']) == pytest.approx(0.15 * 0.9 * 1 + 0.85 * 2)
  assert float(found['spectral']['u']) == 2


def test_a_player_cannot_change_what_it_does_not_own():
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


def test_two_players_may_train_one_network_in_turn_and_not_at_once():
  def pull(variables, inputs):
    return variables.params['generator']['value'], Aux(variables, {})

  game = dirac(extra=(Player('extra', ('generator',), pull),))
  alone, _ = run(dirac(), play())
  both, _ = run(game, play())
  np.testing.assert_allclose(values(both)[1], values(alone)[1] - RATE, rtol=1e-6)
  with pytest.raises(ConfigError, match="two players train 'generator'"):
    train.check_owners(game)


def test_memory_is_read_by_losses_and_renewed_once_a_step():
  def update_memory(memory, variables, metrics):
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


def test_every_update_has_its_own_draw_and_its_own_keys():
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


# Games of two scalars, x of the one player and y of the other.


def scalars(x_loss, y_loss, x=1.0, y=1.0):
  """A game of losses (x, y, inputs, variables) -> scalar; the player of x is first."""

  def init(key, batch):
    start = {'discriminator': x, 'generator': y}
    return Variables({n: {'value': jnp.float32(v)} for n, v in start.items()}, {n: {} for n in start})

  def player(name, loss):
    def total(variables, inputs):
      params = variables.params
      value = loss(params['discriminator']['value'], params['generator']['value'], inputs, variables)
      return value, Aux(variables, {'draw': inputs.batch['real'][0]})

    return Player(name, (name,), total)

  players = (player('discriminator', x_loss), player('generator', y_loss))
  return Game({}, players, init, lambda variables, key: key)


def bilinear():
  """min over x, max over y of x y."""
  return scalars(lambda x, y, *_: x * y, lambda x, y, *_: -x * y, x=1.0, y=2.0)


def test_one_extragradient_step_by_hand():
  state, metrics = run(bilinear(), play(order='extragradient'))
  x, y, h = 1.0, 2.0, RATE
  # Ahead to x - h y and y + h x; from the start with the slopes found there.
  np.testing.assert_allclose(values(state), [x - h * (y + h * x), y + h * (x - h * y)], rtol=1e-6)
  # What is reported is of the point ahead: x - h y = 0.8, y + h x = 2.1.
  assert float(metrics['discriminator/loss'][0]) == pytest.approx(0.8 * 2.1)
  assert float(metrics['discriminator/gradient_norm'][0]) == pytest.approx(2.1)
  assert float(metrics['generator/gradient_norm'][0]) == pytest.approx(0.8)


@pytest.mark.parametrize(
  ('order', 'growth'),
  [
    # Of a bilinear game the square of the distance from (0, 0) is multiplied in every step:
    # (x - h y, y + h x) by 1 + h^2;
    ('simultaneous', 1.25),
    # ((1 - h^2) x - h y, (1 - h^2) y + h x) by (1 - h^2)^2 + h^2.
    ('extragradient', 0.8125),
  ],
)
def test_extragradient_converges_where_simultaneous_play_diverges(order, growth):
  state, _ = run(bilinear(), play(order=order, rate=0.5), steps=20)
  np.testing.assert_allclose(np.square(values(state)).sum(), 5 * growth**20, rtol=1e-4)


def test_extragradient_with_momentum_moves_the_optimizer_twice_a_step():
  # Of the trace t the update is g + m t. Ahead: t = g, then g' + m g from where the step began.
  how = play(order='extragradient')._replace(
    optimizers={n: optax.sgd(RATE, momentum=0.5) for n in ('discriminator', 'generator')}
  )
  state, _ = run(bilinear(), how)
  x, y, h, m = 1.0, 2.0, RATE, 0.5
  ahead_x, ahead_y = x - h * y, y + h * x
  np.testing.assert_allclose(
    values(state), [x - h * (ahead_y + m * y), y + h * (ahead_x + m * x)], rtol=1e-6
  )


def test_extragradient_takes_two_draws_a_step_and_players_share_them():
  _, metrics = run(bilinear(), play(order='extragradient'), steps=2)
  # Row 0 of draw d is 16 d. Draws 0 and 2 are for looking ahead, 1 and 3 are what is reported.
  np.testing.assert_array_equal(metrics['discriminator/draw'], [16, 48])
  np.testing.assert_array_equal(metrics['generator/draw'], [16, 48])


def test_extragradient_is_for_players_of_one_update_and_networks_of_their_own():
  def config(steps, order='extragradient'):
    player = {'optimizer': 'sgd', 'learning_rate': 0.1}
    players = {'discriminator': {**player, 'steps': steps}, 'generator': player}
    return {'players': players, 'ema': {}, 'update': order}

  assert build.play(config(1), bilinear()).draws == 2
  assert build.play(config(2, 'alternating'), bilinear()).draws == 2
  with pytest.raises(ConfigError, match='with extragradient every player has 1 update in a step'):
    build.play(config(2), bilinear())
  shared = bilinear()
  shared = shared._replace(
    players=(shared.players[0], shared.players[1]._replace(trains=('discriminator',)))
  )
  with pytest.raises(ConfigError, match="two players train 'discriminator'"):
    build.play(config(1), shared)


def looking_ahead(x_loss, y_loss, count, **start):
  """A game where y plays against x as it will be after `count` more updates."""

  def against_the_future(x, y, inputs, variables):
    later = inputs.ahead('discriminator', variables, inputs, count)
    return y_loss(later.params['discriminator']['value'], y, inputs)

  return scalars(x_loss, against_the_future, **start)


def with_momentum(momentum, rate=RATE, **more):
  return play(**more)._replace(
    optimizers={n: optax.sgd(rate, momentum) for n in ('discriminator', 'generator')}
  )


@pytest.mark.parametrize('count', [1, 2, 3])
def test_looking_ahead_goes_on_from_the_optimizers_state_and_gradients_go_through_it(count):
  # x lessens (x - y)^2 / 2, y lessens (x' - 3)^2 / 2 of the x' that x will be.
  game = looking_ahead(
    lambda x, y, *_: 0.5 * (x - y) ** 2, lambda x, *_: 0.5 * (x - 3) ** 2, count, y=2.0
  )
  h, m, steps = RATE, 0.5, 2
  state, metrics = run(game, with_momentum(m), steps=steps)
  x, y, trace, y_trace, losses = 1.0, 2.0, 0.0, 0.0, []
  for _ in range(steps):
    trace = (x - y) + m * trace
    x = x - h * trace
    # The future and its slopes in y, which are 0 at the present.
    later, later_trace, slope, slope_trace = x, trace, 0.0, 0.0
    for _ in range(count):
      later_trace, slope_trace = (later - y) + m * later_trace, (slope - 1) + m * slope_trace
      later, slope = later - h * later_trace, slope - h * slope_trace
    losses.append(0.5 * (later - 3) ** 2)
    y_trace = (later - 3) * slope + m * y_trace
    y = y - h * y_trace
  if count == 2:
    # In closed form: h, then h (1 - h) + h (1 + m) of the second update.
    assert slope == pytest.approx(h * (2 + m - h))
  # The future is forgotten: x is after its own update of the step, and so is its trace.
  np.testing.assert_allclose(values(state), [x, y], rtol=1e-6)
  np.testing.assert_allclose(jax.tree.leaves(state.opt['discriminator']), [trace], rtol=1e-6)
  np.testing.assert_allclose(metrics['generator/loss'], losses, rtol=1e-5)


def test_looking_ahead_on_eight_devices_is_looking_ahead_on_one():
  # Every device has other examples, and every update ahead other keys.
  def x_loss(x, y, inputs, variables):
    noise = latents.normal(1)(inputs.key)[:, 0]
    return 0.5 * ((x - y * (inputs.batch['real'] / 64 + noise)) ** 2).mean()

  def y_loss(x, y, inputs):
    return 0.5 * ((x - 3 * inputs.batch['real'] / 64) ** 2).mean()

  # y is judged on each device's examples, against an x that those of all devices moved.
  game = looking_ahead(x_loss, y_loss, 3, y=2.0)
  results = [run(game, with_momentum(0.5), steps=2, devices=devices) for devices in (1, 8)]
  (one, first), (eight, metrics) = results
  np.testing.assert_allclose(values(eight), values(one), rtol=1e-5)
  for name in first:
    if not name.endswith('draw'):
      np.testing.assert_allclose(metrics[name], first[name], rtol=1e-5)
  # y moves by gradients that go through the future alone.
  assert (metrics['generator/gradient_norm'] > 1e-3).all()


def test_looking_ahead_in_simultaneous_play_is_from_where_the_step_began():
  game = looking_ahead(lambda x, y, *_: 0.5 * (x - y) ** 2, lambda x, *_: 0.5 * (x - 3) ** 2, 1, y=2.0)
  _, metrics = run(game, with_momentum(0.5, order='simultaneous'))
  # One update from x = 1 and no trace: 1 - 0.1 (1 - 2) = 1.1.
  np.testing.assert_allclose(metrics['generator/loss'], [0.5 * (1.1 - 3) ** 2], rtol=1e-6)
