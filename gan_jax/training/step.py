"""The one step that trains every game."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from gan_jax.common import rng
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Inputs, Player, Variables
from gan_jax.runtime.devices import Collectives
from gan_jax.training.state import Metrics, TrainState, averaged_collections, owned
from gan_jax.training.update_schedule import UpdateSchedule


class Data(NamedTuple):
  """Where a device's examples come from.

  Attributes:
    batch: (arrays, draw, rows [b]) -> the given rows of a global batch, see `source.Source`.
    arrays: what it reads.
    rows: int32 [b], this device's places in the global batch.
  """

  batch: Callable[..., Mapping[str, jax.Array]]
  arrays: PyTree
  rows: jax.Array


def make_step(
  game: Game,
  play: UpdateSchedule,
  batch: Callable[..., Mapping[str, jax.Array]],
  across: Collectives,
  count: int,
  unroll: int = 1,
) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """What a device does in one call: `count` steps.

  Args:
    game: the variant.
    play: how it is played.
    batch: of the source, see `source.Source`.
    across: what the devices do together.
    count: steps in a call.
    unroll: of these, how many are compiled as one piece.

  Returns:
    (state, {'arrays', 'rows'}) -> (state, {'<player>/<metric>': [count]}). A player's metrics are
    its loss, the norm of its gradient and what its loss reports, averaged over its updates in the
    step and over all devices.
  """

  def call(state: TrainState, feed: PyTree) -> tuple[TrainState, Metrics]:
    table = _StepContext(game, play, across, Data(batch, feed['arrays'], feed['rows']))
    return _repeat(lambda state, _: _step(table, state), state, count, unroll)

  return call


class _StepContext(NamedTuple):
  """What is the same for all turns of a call."""

  game: Game
  play: UpdateSchedule
  across: Collectives
  data: Data


def _step(table: _StepContext, state: TrainState) -> tuple[TrainState, Metrics]:
  variables, opt, metrics = _sweep_players(table, state, 0, state.variables, state.opt)
  if table.play.update_rule == 'extragradient':
    variables, opt, metrics = _sweep_players(table, state, 1, variables, opt)
  state = dataclasses.replace(
    state,
    step=state.step + 1,
    variables=variables,
    opt=opt,
    ema=_average(table.play.ema, state, variables),
    memory=table.game.update_memory(state.memory, variables, metrics),
  )
  return state, metrics


def _sweep_players(
  table: _StepContext, state: TrainState, phase: int, start: Variables, opt: Mapping[str, PyTree]
) -> tuple[Variables, dict[str, PyTree], Metrics]:
  """Every player's turn, from `start` on; in a second phase the changes are to where the step began."""
  in_turn = table.play.update_rule == 'alternating'
  variables, first, opt, metrics = start, opt, dict(opt), {}
  for place, player in enumerate(table.game.players):
    seen = (variables, opt) if in_turn else (start, first)
    base = state.variables if phase else None
    after, opt[player.name], reported = _player_updates(table, state, place, phase, *seen, base)
    variables = Variables(
      params={**variables.params, **owned(player, after.params)},
      state={**variables.state, **owned(player, after.state)},
    )
    metrics |= {f'{player.name}/{name}': value for name, value in reported.items()}
  return variables, opt, metrics


def _player_updates(
  table: _StepContext,
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
      key=rng.example_keys(jax.random.fold_in(key, number), data.rows),
      step=state.step,
      memory=state.memory,
      gather=table.across.gather,
      mean=table.across.mean,
      unrolled_update=functools.partial(_unrolled_update, table, opt),
    )
    variables, own = carry
    variables, own, metrics = _gradient_update(table, player, variables, own, inputs, base)
    return (variables, own), metrics

  (variables, own), metrics = _repeat(update, (variables, opt[player.name]), play.updates[player.name])
  return variables, own, jax.tree.map(lambda x: x.mean(axis=0), metrics)


def _gradient_update(
  table: _StepContext,
  player: Player,
  variables: Variables,
  opt: PyTree,
  inputs: Inputs,
  base: Variables | None = None,
) -> tuple[Variables, PyTree, Metrics]:
  """One update of one player: gradients of what it owns, averaged over devices, and its optimizer.

  The change is to `variables`, or to `base` if that is given.
  """

  def loss(own):
    tried = dataclasses.replace(variables, params={**variables.params, **own})
    value, aux = player.loss(tried, inputs)
    return value, (owned(player, aux.variables.state), aux.metrics)

  own = owned(player, variables.params)
  (value, (network_state, metrics)), gradient = jax.value_and_grad(loss, has_aux=True)(own)
  value, network_state, metrics, gradient = table.across.mean((value, network_state, metrics, gradient))
  changed = own if base is None else owned(player, base.params)
  optimizer = optax.with_extra_args_support(table.play.optimizers[player.name])
  changes, opt = optimizer.update(gradient, opt, changed, at=own)
  moved = cast('dict[str, PyTree]', optax.apply_updates(changed, changes))
  variables = Variables(
    params={**variables.params, **moved},
    state={**variables.state, **network_state},
  )
  metrics = {'loss': value, 'gradient_norm': optax.tree.norm(gradient), **metrics}
  return variables, opt, metrics


def _unrolled_update(
  table: _StepContext,
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
    variables, own, _ = _gradient_update(
      table, player, variables, own, dataclasses.replace(inputs, key=keys)
    )
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
    return optax.incremental_update(averaged_collections(variables, name), state.ema[name], change)

  return {name: one(name, decay) for name, decay in decays.items()}


def _repeat(
  function: Callable[[PyTree, Any], tuple[PyTree, PyTree]], carry: PyTree, count: int, unroll: int = 1
) -> tuple[PyTree, PyTree]:
  """`lax.scan` over 0 ... count - 1; once is no loop, which XLA:CPU runs slower."""
  if count > 1:
    return jax.lax.scan(function, carry, jnp.arange(count), unroll=unroll)
  carry, outputs = function(carry, jnp.int32(0))
  return carry, jax.tree.map(lambda x: x[None], outputs)
