"""The state of training and the one step that trains every game."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from gan_jax import latents
from gan_jax.errors import ConfigError
from gan_jax.game import Game, Inputs, Player, PyTree, Variables
from gan_jax.parallel import Across

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


class Play(NamedTuple):
  """How a game is played.

  Attributes:
    optimizers: {player: its optimizer}.
    updates: {player: its updates in a step}.
    ema: {network: decay of its averages}.
    order: 'alternating': each player sees what those before it did in the same step;
      'simultaneous': every player starts from where the step began; 'extragradient': all look ahead
      by a simultaneous update, and play from where the step began with the gradients found there
      (Korpelevich 1976; with Adam, ExtraAdam of Gidel et al. 2019, arXiv:1802.10551, algorithm 4).
      Transformations of gradients see the weights at which they were taken, the others those that
      are changed.
  """

  optimizers: Mapping[str, optax.GradientTransformation]
  updates: Mapping[str, int]
  ema: Mapping[str, float]
  order: str

  @property
  def phases(self) -> int:
    """How many times each player's turn comes in a step."""
    return 2 if self.order == 'extragradient' else 1

  @property
  def draws(self) -> int:
    """How many batches of real examples a step takes."""
    return self.phases * max(self.updates.values())


class Data(NamedTuple):
  """Where a device's examples come from.

  Attributes:
    batch: (arrays, draw, rows [b]) -> the given rows of a global batch, see `data.Source`.
    arrays: what it reads.
    rows: int32 [b], this device's places in the global batch.
  """

  batch: Callable[..., Mapping[str, jax.Array]]
  arrays: PyTree
  rows: jax.Array


def init_state(game: Game, play: Play, key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> TrainState:
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
    ema={name: jax.tree.map(jnp.copy, _to_average(variables, name)) for name in play.ema},
    memory=game.init_memory(memory_key, batch),
  )


def averaged(variables: Variables, ema: Mapping[str, PyTree]) -> Variables:
  """The variables with the averages `ema`, as `TrainState` has them, in place of what they are of."""
  params, state = dict(variables.params), dict(variables.state)
  for name, averages in ema.items():
    params[name], statistics = averages['params'], {k: v for k, v in averages.items() if k != 'params'}
    state[name] = {**state[name], **statistics}
  return Variables(params, state)


def make_step(
  game: Game,
  play: Play,
  batch: Callable[..., Mapping[str, jax.Array]],
  across: Across,
  count: int,
  unroll: int = 1,
) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """What a device does in one call: `count` steps.

  Args:
    game: the variant.
    play: how it is played.
    batch: of the source, see `data.Source`.
    across: what the devices do together.
    count: steps in a call.
    unroll: of these, how many are compiled as one piece.

  Returns:
    (state, {'arrays', 'rows'}) -> (state, {'<player>/<metric>': [count]}). A player's metrics are
    its loss, the norm of its gradient and what its loss reports, averaged over its updates in the
    step and over all devices.
  """

  def call(state: TrainState, feed: PyTree) -> tuple[TrainState, Metrics]:
    table = _Table(game, play, across, Data(batch, feed['arrays'], feed['rows']))
    return _repeat(lambda state, _: _step(table, state), state, count, unroll)

  return call


class _Table(NamedTuple):
  """What is the same for all turns of a call."""

  game: Game
  play: Play
  across: Across
  data: Data


def _step(table: _Table, state: TrainState) -> tuple[TrainState, Metrics]:
  variables, opt, metrics = _phase(table, state, 0, state.variables, state.opt)
  if table.play.order == 'extragradient':
    variables, opt, metrics = _phase(table, state, 1, variables, opt)
  state = dataclasses.replace(
    state,
    step=state.step + 1,
    variables=variables,
    opt=opt,
    ema=_average(table.play.ema, state, variables),
    memory=table.game.update_memory(state.memory, variables, metrics),
  )
  return state, metrics


def _phase(
  table: _Table, state: TrainState, phase: int, start: Variables, opt: Mapping[str, PyTree]
) -> tuple[Variables, dict[str, PyTree], Metrics]:
  """Every player's turn, from `start` on; in a second phase the changes are to where the step began."""
  in_turn = table.play.order == 'alternating'
  variables, first, opt, metrics = start, opt, dict(opt), {}
  for place, player in enumerate(table.game.players):
    seen = (variables, opt) if in_turn else (start, first)
    base = state.variables if phase else None
    after, opt[player.name], reported = _turn(table, state, place, phase, *seen, base)
    variables = Variables(
      params={**variables.params, **_owned(player, after.params)},
      state={**variables.state, **_owned(player, after.state)},
    )
    metrics |= {f'{player.name}/{name}': value for name, value in reported.items()}
  return variables, opt, metrics


def _turn(
  table: _Table,
  state: TrainState,
  place: int,
  phase: int,
  variables: Variables,
  opt: Mapping[str, PyTree],
  base: Variables | None,
) -> tuple[Variables, PyTree, Metrics]:
  """All updates of the player at `place` in a phase of a step."""
  player, play, data = table.game.players[place], table.play, table.data
  key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), place)
  # Draws are numbered by updates, so players of one phase see the same real examples.
  first = state.step * play.draws

  def update(carry, number):
    number = phase + number
    inputs = Inputs(
      batch=data.batch(data.arrays, first + number, data.rows),
      key=latents.example_keys(jax.random.fold_in(key, number), data.rows),
      step=state.step,
      memory=state.memory,
      gather=table.across.gather,
      mean=table.across.mean,
      ahead=functools.partial(_ahead, table, opt),
    )
    variables, own = carry
    variables, own, metrics = _update(table, player, variables, own, inputs, base)
    return (variables, own), metrics

  (variables, own), metrics = _repeat(update, (variables, opt[player.name]), play.updates[player.name])
  return variables, own, jax.tree.map(lambda x: x.mean(axis=0), metrics)


def _update(
  table: _Table,
  player: Player,
  variables: Variables,
  opt: PyTree,
  inputs: Inputs,
  base: Variables | None = None,
) -> tuple[Variables, PyTree, Metrics]:
  """One update of one player: gradients of what it owns, averaged over devices, and its optimizer.

  The change is to `variables`, or to `base` if that is given.
  """

  def loss(owned):
    tried = dataclasses.replace(variables, params={**variables.params, **owned})
    value, aux = player.loss(tried, inputs)
    return value, (_owned(player, aux.variables.state), aux.metrics)

  owned = _owned(player, variables.params)
  (value, (network_state, metrics)), gradient = jax.value_and_grad(loss, has_aux=True)(owned)
  value, network_state, metrics, gradient = table.across.mean((value, network_state, metrics, gradient))
  changed = owned if base is None else _owned(player, base.params)
  optimizer = optax.with_extra_args_support(table.play.optimizers[player.name])
  changes, opt = optimizer.update(gradient, opt, changed, at=owned)
  moved = cast('dict[str, PyTree]', optax.apply_updates(changed, changes))
  variables = Variables(
    params={**variables.params, **moved},
    state={**variables.state, **network_state},
  )
  metrics = {'loss': value, 'gradient_norm': optax.tree.norm(gradient), **metrics}
  return variables, opt, metrics


def _ahead(
  table: _Table,
  opt: Mapping[str, PyTree],
  name: str,
  variables: Variables,
  inputs: Inputs,
  count: int,
) -> Variables:
  """The variables after `count` more updates of the player called `name`, see `game.Inputs`."""
  player = next(p for p in table.game.players if p.name == name)

  def update(carry, number):
    keys = jax.vmap(jax.random.fold_in, (0, None))(inputs.key, number)
    variables, own = carry
    variables, own, _ = _update(table, player, variables, own, dataclasses.replace(inputs, key=keys))
    return (variables, own), None

  (variables, _), _ = jax.lax.scan(update, (variables, opt[name]), jnp.arange(count))
  return variables


def _average(
  decays: Mapping[str, float], state: TrainState, variables: Variables
) -> Mapping[str, PyTree]:
  """Exponential averages; young ones forget faster, or they would remember the start.

  The decay at step t (from 0) is min(decay, (1 + t) / (10 + t)). Batch norm's statistics are averaged
  with the weights: those of the last weights do not fit the average of many.
  """
  young = (1 + state.step) / (10 + state.step)

  def one(name: str, decay: float) -> PyTree:
    change = 1 - jnp.minimum(decay, young)
    return optax.incremental_update(_to_average(variables, name), state.ema[name], change)

  return {name: one(name, decay) for name, decay in decays.items()}


def _to_average(variables: Variables, name: str) -> PyTree:
  statistics = {k: v for k, v in variables.state[name].items() if k == 'batch_stats'}
  return {'params': variables.params[name], **statistics}


def _owned(player: Player, networks: Mapping[str, PyTree]) -> dict[str, PyTree]:
  return {name: networks[name] for name in player.trains}


def _repeat(
  function: Callable[[PyTree, Any], tuple[PyTree, PyTree]], carry: PyTree, count: int, unroll: int = 1
) -> tuple[PyTree, PyTree]:
  """`lax.scan` over 0 ... count - 1; once is no loop, which XLA:CPU runs slower."""
  if count > 1:
    return jax.lax.scan(function, carry, jnp.arange(count), unroll=unroll)
  carry, outputs = function(carry, jnp.int32(0))
  return carry, jax.tree.map(lambda x: x[None], outputs)


def check_owners(game: Game) -> None:
  """Raises ConfigError if two players train one network, which they cannot do at once."""
  owned = [name for player in game.players for name in player.trains]
  for name in owned:
    if owned.count(name) > 1:
      raise ConfigError(f'update: two players train {name!r}, so they must be alternating')
