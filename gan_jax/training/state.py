"""The training state, its first value, and the averages of weights."""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
from flax import struct

from gan_jax.common.types import PyTree
from gan_jax.game import Game, Player, Variables
from gan_jax.training.update_schedule import UpdateSchedule

Metrics = Mapping[str, jax.Array]


@struct.dataclass
class TrainState:
  """All that a run is between two steps; a checkpoint holds just this.

  Attributes:
    step: int32 scalar, steps done.
    key: one typed key, the same throughout; a step's randomness is a function of it and of `step`.
    variables: of all networks.
    opt: {player: state of its optimizer}.
    ema: {network: averages, 'params' and, if it has batch norm, 'batch_stats'}.
    memory: see `game.Game`.
  """

  step: jax.Array
  key: chex.PRNGKey
  variables: Variables
  opt: Mapping[str, PyTree]
  ema: Mapping[str, PyTree]
  memory: PyTree


def init_state(
  game: Game, play: UpdateSchedule, key: chex.PRNGKey, batch: Mapping[str, jax.Array]
) -> TrainState:
  """The state before the first step.

  Args:
    game: the variant.
    play: how it will be played.
    key: one typed key, from which all randomness of the run comes.
    batch: a global batch of examples.
  """
  init_key, memory_key, step_key = jax.random.split(key, 3)
  variables = game.init(init_key, batch)

  def start(player: Player) -> PyTree:
    return play.optimizers[player.name].init(owned(player, variables.params))

  return TrainState(
    step=jnp.zeros((), jnp.int32),
    key=step_key,
    variables=variables,
    opt={player.name: start(player) for player in game.players},
    # A copy: the step donates its state, and a buffer can be given away once.
    ema={name: jax.tree.map(jnp.copy, averaged_collections(variables, name)) for name in play.ema},
    memory=game.init_memory(memory_key, batch),
  )


def averaged(variables: Variables, ema: Mapping[str, PyTree]) -> Variables:
  """The variables with the averages `ema`, as `TrainState` has them, in place of what they are of."""
  params, state = dict(variables.params), dict(variables.state)
  for name, averages in ema.items():
    params[name], statistics = averages['params'], {k: v for k, v in averages.items() if k != 'params'}
    state[name] = {**state[name], **statistics}
  return Variables(params, state)


def averaged_collections(variables: Variables, name: str) -> PyTree:
  """What an average of a network is taken of: 'params' and, if it has batch norm, 'batch_stats'."""
  statistics = {k: v for k, v in variables.state[name].items() if k == 'batch_stats'}
  return {'params': variables.params[name], **statistics}


def owned(player: Player, networks: Mapping[str, PyTree]) -> dict[str, PyTree]:
  """The entries of `networks` that belong to the networks which a player trains."""
  return {name: networks[name] for name in player.trains}
