"""Games small enough to do by hand, and how tests play them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.game import Aux, Game, Player, Variables
from gan_jax.runtime.devices import GLOBAL_BATCH, Program, replicate, shard_batch
from gan_jax.training import step, update_schedule
from gan_jax.training.state import init_state

RATE = 0.1
ARRAYS = {'x': np.arange(8 * 16, dtype=np.float32).reshape(8, 16)}


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
  return update_schedule.UpdateSchedule(
    optimizers={n: optax.sgd(rate) for n in names},
    updates=dict(zip(names, (*updates, 1), strict=False)),
    ema=ema or {},
    update_rule=order,
  )


def batch(arrays, draw, rows):
  return {'real': arrays['x'][draw % 8, rows]}


def run(game, how, steps=1, devices=1, unroll=1):
  """The state and metrics after one call of `steps` steps."""
  local = jax.devices()[:devices]
  state = init_state(game, how, jax.random.key(0), batch(ARRAYS, 0, np.arange(16)))
  call = Program(step.make_step(game, how, batch, GLOBAL_BATCH, steps, unroll), local)
  feed = shard_batch(ARRAYS, 16, local)
  return call(replicate(state, local), feed)


def values(state):
  return [float(state.variables.params[n]['value']) for n in ('discriminator', 'generator')]


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
