"""The training state, its first value, and the averages of weights."""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
from flax import struct

from gan_jax.common.types import PyTree
from gan_jax.game import Game, Player, Variables
from gan_jax.training import frozen
from gan_jax.training.update_schedule import UpdateSchedule

Metrics = Mapping[str, jax.Array]


@struct.dataclass
class TrainState:
  """The complete state of a run between two steps, which a checkpoint stores.

  Attributes:
    step: int32 scalar, the number of completed steps.
    key: one typed key, constant during the run. The randomness of a step is a function of it and of
      `step`.
    variables: of all networks.
    opt: {player: state of its optimizer}.
    ema: {network: its averages}, of 'params' and, if it has batch norm, 'batch_stats'.
    memory: see `game.Game`.
  """

  step: jax.Array
  key: chex.PRNGKey
  variables: Variables
  opt: Mapping[str, PyTree]
  ema: Mapping[str, PyTree]
  memory: PyTree


def init_state(
  game: Game, schedule: UpdateSchedule, key: chex.PRNGKey, batch: Mapping[str, jax.Array]
) -> TrainState:
  """Returns the state before the first step.

  Args:
    game: the variant.
    schedule: the optimizers and the networks that have averages.
    key: one typed key, the source of all randomness of the run.
    batch: a global batch of examples.
  """
  init_key, memory_key, step_key = jax.random.split(key, 3)
  variables = game.init(init_key, batch)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    key=step_key,
    variables=variables,
    **_of_variables(game, schedule, variables),
    memory=game.init_memory(memory_key, batch),
  )


def with_variables(
  game: Game, schedule: UpdateSchedule, state: TrainState, variables: Variables
) -> TrainState:
  """Returns the state before the first step with other variables.

  Args:
    game: the variant.
    schedule: the optimizers and the networks that have averages.
    state: from `init_state`.
    variables: of all networks; optimizers and averages begin with them.
  """
  return dataclasses.replace(state, variables=variables, **_of_variables(game, schedule, variables))


def _of_variables(game: Game, schedule: UpdateSchedule, variables: Variables) -> dict[str, PyTree]:
  """The parts of the first state that are computed from the variables."""

  def init_optimizer(player: Player) -> PyTree:
    patterns = schedule.frozen.get(player.name, ())
    trained, _ = frozen.split(owned(player, variables.params), patterns)
    return schedule.optimizers[player.name].init(trained)

  return {
    'opt': {player.name: init_optimizer(player) for player in game.players},
    # Copied, because the step donates its state, and a buffer can be donated only once.
    'ema': {
      name: jax.tree.map(jnp.copy, averaged_collections(variables, name)) for name in schedule.ema
    },
  }


def averaged(variables: Variables, ema: Mapping[str, PyTree]) -> Variables:
  """Returns the variables with parameters and statistics replaced by their averages.

  Args:
    variables: of all networks.
    ema: {network: its averages}, see `TrainState`; other networks keep their variables.
  """
  params, state = dict(variables.params), dict(variables.state)
  for name, averages in ema.items():
    params[name], statistics = averages['params'], {k: v for k, v in averages.items() if k != 'params'}
    state[name] = {**state[name], **statistics}
  return Variables(params, state)


def averaged_collections(variables: Variables, name: str) -> PyTree:
  """Returns the averaged collections of a network: 'params' and, if it has them, 'batch_stats'."""
  statistics = {k: v for k, v in variables.state[name].items() if k == 'batch_stats'}
  return {'params': variables.params[name], **statistics}


def owned(player: Player, networks: Mapping[str, PyTree]) -> dict[str, PyTree]:
  """Returns the entries of {network: tree} for the networks that a player trains."""
  return {name: networks[name] for name in player.trains}
