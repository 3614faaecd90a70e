"""The state of training and the one step that trains every game."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from gan_jax import latents
from gan_jax.errors import ConfigError
from gan_jax.game import Game, Inputs, Player, PyTree, Variables

Metrics = Mapping[str, chex.Array]
Reduce = Callable[[PyTree], PyTree]


@struct.dataclass
class TrainState:
  """All that a run is between two steps; a checkpoint holds just this.

  Attributes:
    step: int32 scalar, steps done.
    key: one typed key, the same throughout; a step's randomness is a function of it and of `step`.
    variables: of all networks.
    opt: {player: state of its optimizer}.
    ema: {network: average of its parameters}.
    memory: see `game.Game`.
  """

  step: chex.Array
  key: chex.PRNGKey
  variables: Variables
  opt: Mapping[str, PyTree]
  ema: Mapping[str, PyTree]
  memory: PyTree


class Play(NamedTuple):
  """How a game is played.

  Attributes:
    optimizers: {player: its optimizer}.
    updates: {player: its updates in a step}.
    ema: {network: decay of the average of its parameters}.
    simultaneous: every player starts from where the step began; otherwise in turn.
  """

  optimizers: Mapping[str, optax.GradientTransformation]
  updates: Mapping[str, int]
  ema: Mapping[str, float]
  simultaneous: bool


class Data(NamedTuple):
  """Where a device's examples come from.

  Attributes:
    batch: (arrays, draw, rows [b]) -> the given rows of a global batch, see `data.Source`.
    arrays: what it reads.
    rows: int32 [b], this device's places in the global batch.
  """

  batch: Callable[..., Mapping[str, chex.Array]]
  arrays: PyTree
  rows: chex.Array


def init_state(
  game: Game, play: Play, key: chex.PRNGKey, batch: Mapping[str, chex.Array]
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
    return play.optimizers[player.name].init(_owned(player, variables.params))

  return TrainState(
    step=jnp.zeros((), jnp.int32),
    key=step_key,
    variables=variables,
    opt={player.name: start(player) for player in game.players},
    # A copy: the step donates its state, and a buffer can be given away once.
    ema={name: jax.tree.map(jnp.copy, variables.params[name]) for name in play.ema},
    memory=game.init_memory(memory_key, batch),
  )


def averaged(state: TrainState) -> Variables:
  """The variables with averaged parameters wherever an average is kept."""
  return state.variables.replace(params={**state.variables.params, **state.ema})


def make_step(
  game: Game, play: Play, batch: Callable[..., Mapping[str, chex.Array]], reduce: Reduce, count: int
) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """What a device does in one call: `count` steps.

  Args:
    game: the variant.
    play: how it is played.
    batch: of the source, see `data.Source`.
    reduce: the mean of a tree over all devices.
    count: steps in a call.

  Returns:
    (state, {'arrays', 'rows'}) -> (state, {'<player>/<metric>': [count]}). A player's metrics are
    its loss, the norm of its gradient and what its loss reports, averaged over its updates in the
    step and over all devices.
  """

  def call(state: TrainState, feed: PyTree) -> tuple[TrainState, Metrics]:
    data = Data(batch, feed['arrays'], feed['rows'])
    return _repeat(lambda state, _: _step(game, play, data, reduce, state), state, count)

  return call


def _step(
  game: Game, play: Play, data: Data, reduce: Reduce, state: TrainState
) -> tuple[TrainState, Metrics]:
  variables, opt, metrics = state.variables, dict(state.opt), {}
  for player in game.players:
    before = state.variables if play.simultaneous else variables
    after, opt[player.name], reported = _turn(player, game, play, data, reduce, state, before)
    variables = Variables(
      params={**variables.params, **_owned(player, after.params)},
      state={**variables.state, **_owned(player, after.state)},
    )
    metrics |= {f'{player.name}/{name}': value for name, value in reported.items()}
  state = state.replace(
    step=state.step + 1,
    variables=variables,
    opt=opt,
    ema=_average(play.ema, state, variables),
    memory=game.update_memory(state.memory, variables, metrics),
  )
  return state, metrics


def _turn(
  player: Player,
  game: Game,
  play: Play,
  data: Data,
  reduce: Reduce,
  state: TrainState,
  variables: Variables,
) -> tuple[Variables, PyTree, Metrics]:
  """All updates of one player in a step."""
  place = [p.name for p in game.players].index(player.name)
  key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), place)
  # Draws are numbered by updates, so players of one step see the same real examples.
  first = state.step * max(play.updates.values())

  def update(carry, number):
    inputs = Inputs(
      batch=data.batch(data.arrays, first + number, data.rows),
      key=latents.example_keys(jax.random.fold_in(key, number), data.rows),
      step=state.step,
      memory=state.memory,
    )
    variables, opt, metrics = _update(player, play.optimizers[player.name], reduce, *carry, inputs)
    return (variables, opt), metrics

  start = (variables, state.opt[player.name])
  (variables, opt), metrics = _repeat(update, start, play.updates[player.name])
  return variables, opt, jax.tree.map(lambda x: x.mean(axis=0), metrics)


def _update(
  player: Player,
  optimizer: optax.GradientTransformation,
  reduce: Reduce,
  variables: Variables,
  opt: PyTree,
  inputs: Inputs,
) -> tuple[Variables, PyTree, Metrics]:
  """One update of one player: gradients of what it owns, averaged over devices, and its optimizer."""

  def loss(owned):
    value, aux = player.loss(variables.replace(params={**variables.params, **owned}), inputs)
    return value, (_owned(player, aux.variables.state), aux.metrics)

  owned = _owned(player, variables.params)
  (value, (network_state, metrics)), gradient = jax.value_and_grad(loss, has_aux=True)(owned)
  value, network_state, metrics, gradient = reduce((value, network_state, metrics, gradient))
  changes, opt = optimizer.update(gradient, opt, owned)
  variables = Variables(
    params={**variables.params, **optax.apply_updates(owned, changes)},
    state={**variables.state, **network_state},
  )
  metrics = {'loss': value, 'gradient_norm': optax.tree.norm(gradient), **metrics}
  return variables, opt, metrics


def _average(
  decays: Mapping[str, float], state: TrainState, variables: Variables
) -> Mapping[str, PyTree]:
  """Exponential averages of parameters; young ones forget faster, or they would remember the start.

  The decay at step t (from 0) is min(decay, (1 + t) / (10 + t)).
  """
  young = (1 + state.step) / (10 + state.step)

  def one(name: str, decay: float) -> PyTree:
    change = 1 - jnp.minimum(decay, young)
    return optax.incremental_update(variables.params[name], state.ema[name], change)

  return {name: one(name, decay) for name, decay in decays.items()}


def _owned(player: Player, networks: Mapping[str, PyTree]) -> dict[str, PyTree]:
  return {name: networks[name] for name in player.trains}


def _repeat(
  function: Callable[[PyTree, Any], tuple[PyTree, PyTree]], carry: PyTree, count: int
) -> tuple[PyTree, PyTree]:
  """`lax.scan` over 0 ... count - 1; once is no loop, which XLA:CPU runs slower."""
  if count > 1:
    return jax.lax.scan(function, carry, jnp.arange(count))
  carry, outputs = function(carry, jnp.int32(0))
  return carry, jax.tree.map(lambda x: x[None], outputs)


def check_owners(game: Game) -> None:
  """Raises ConfigError if two players train one network, which they cannot do at once."""
  owned = [name for player in game.players for name in player.trains]
  for name in owned:
    if owned.count(name) > 1:
      raise ConfigError(f'update: two players train {name!r}, so they must be alternating')
