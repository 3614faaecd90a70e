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
from gan_jax.runtime import devices
from gan_jax.runtime.devices import Collectives
from gan_jax.training import frozen, microbatches
from gan_jax.training.state import Metrics, TrainState, averaged_collections, owned
from gan_jax.training.update_schedule import UpdateSchedule


class Data(NamedTuple):
  """The source of a device's examples.

  Attributes:
    batch: (arrays, batch_index, rows [b]) -> the given rows of a global batch, see `source.Source`.
    arrays: the arrays that `batch` reads.
    rows: int32 [b], this device's rows of the global batch.
  """

  batch: Callable[..., Mapping[str, jax.Array]]
  arrays: PyTree
  rows: jax.Array


class StepContext(NamedTuple):
  """The arguments of a step that are the same for all steps of a call.

  Attributes:
    game: the variant.
    play: optimizers, updates per step, and their order.
    across: the collectives of the devices.
    data: the examples of this device.
  """

  game: Game
  play: UpdateSchedule
  across: Collectives
  data: Data


class Update(NamedTuple):
  """The result of updates of one player.

  Attributes:
    variables: with the new weights and network state of the player.
    opt: the new state of its optimizer.
    metrics: {name: scalar}.
    record: {name: [B, ...]}, what the loss recorded of the examples of all devices.
  """

  variables: Variables
  opt: PyTree
  metrics: Metrics
  record: Mapping[str, jax.Array]


def make_step(
  game: Game,
  play: UpdateSchedule,
  batch: Callable[..., Mapping[str, jax.Array]],
  across: Collectives,
  count: int,
  unroll: int = 1,
) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """Returns the function that a device runs in one call: `count` steps.

  Args:
    game: the variant.
    play: optimizers, updates per step, and their order.
    batch: the batch function of the source, see `source.Source`.
    across: the collectives of the devices.
    count: steps in a call.
    unroll: how many of these steps are compiled as one piece.

  Returns:
    (state, {'arrays', 'rows'}) -> (state, {'<player>/<metric>': [count]}). A player's metrics are
    its loss, the norm of its gradient and what its loss reports, averaged over its updates in the
    step and over all devices. A scheduled number of its optimizer is that of its first update in the
    step.
  """
  step = extragradient_step if play.update_rule == 'extragradient' else sequential_step

  def call(state: TrainState, feed: PyTree) -> tuple[TrainState, Metrics]:
    context = StepContext(game, play, across, Data(batch, feed['arrays'], feed['rows']))
    return _repeat(lambda state, _: step(context, state), state, count, unroll)

  return call


def sequential_step(context: StepContext, state: TrainState) -> tuple[TrainState, Metrics]:
  """One step in which each player makes its updates once.

  With `update_rule` 'alternating' a player starts from the updates of the players before it; with
  'simultaneous' every player starts from the state at the beginning of the step.
  """
  after = Update(state.variables, dict(state.opt), {}, {})
  for index, player in enumerate(context.game.players):
    alternating = context.play.update_rule == 'alternating'
    start, opt = (after.variables, after.opt) if alternating else (state.variables, state.opt)
    after = _merged(after, player, _player_updates(context, state, index, start, opt))
  return _finished(context, state, after)


def extragradient_step(context: StepContext, state: TrainState) -> tuple[TrainState, Metrics]:
  """One step of the extragradient method, see `UpdateSchedule.update_rule`.

  All players make one simultaneous update, and take their gradients there. The second update applies
  these gradients to the weights at the beginning of the step.
  """
  ahead = _simultaneous_updates(context, state, 0, state.variables, state.opt)
  return _finished(context, state, _simultaneous_updates(context, state, 1, ahead.variables, ahead.opt))


def gradient_update(
  context: StepContext,
  player: Player,
  variables: Variables,
  opt: PyTree,
  inputs: Inputs,
  changed: Variables | None = None,
) -> Update:
  """One update of one player: the gradient of what it owns, its mean over devices, its optimizer.

  Args:
    context: of the step.
    player: who changes its networks.
    variables: where the gradient is taken.
    opt: the state of the player's optimizer.
    inputs: of the player's loss.
    changed: the variables to whose weights the optimizer's update is added; None for `variables`.

  Returns:
    The update of `variables`.
  """

  patterns = context.play.frozen.get(player.name, ())
  params, fixed = frozen.split(owned(player, variables.params), patterns)

  def loss(params, inputs):
    tried = dataclasses.replace(variables, params={**variables.params, **frozen.merge(params, fixed)})
    value, aux = player.loss(tried, inputs)
    return value, (owned(player, aux.variables.state), aux.metrics, aux.record)

  def compute(inputs: Inputs) -> tuple[PyTree, PyTree]:
    (value, (network_state, metrics, record)), gradient = jax.value_and_grad(loss, has_aux=True)(
      params, inputs
    )
    return (value, network_state, metrics, gradient), record

  means, record = microbatches.mean(compute, inputs, context.play.microbatches)
  value, network_state, metrics, gradient = context.across.mean(means)
  before = params if changed is None else frozen.split(owned(player, changed.params), patterns)[0]
  optimizer = optax.with_extra_args_support(context.play.optimizers[player.name])
  updates, opt = optimizer.update(gradient, opt, before, at=params)
  after = cast('dict[str, PyTree]', optax.apply_updates(before, updates))
  variables = Variables(
    params={**variables.params, **frozen.merge(after, fixed)},
    state={**variables.state, **network_state},
  )
  metrics = {'loss': value, 'gradient_norm': optax.tree.norm(gradient), **metrics}
  # The memory is a replica, so it needs the examples of all devices even if losses do not.
  return Update(variables, opt, metrics, jax.tree.map(devices.gather, record))


def _player_updates(
  context: StepContext,
  state: TrainState,
  index: int,
  variables: Variables,
  opt: Mapping[str, PyTree],
) -> Update:
  """All updates in a step of the player at `index`: metrics averaged over them, the last record."""
  player = context.game.players[index]
  count = context.play.updates[player.name]

  def update(carry, number):
    inputs = _inputs(context, state, index, number, opt)
    done = gradient_update(context, player, carry[0], carry[1], inputs)
    return (done.variables, done.opt), (done.metrics, done.record)

  (variables, player_opt), (metrics, record) = _repeat(update, (variables, opt[player.name]), count)
  mean = jax.tree.map(lambda x: x.mean(axis=0), metrics)
  return Update(variables, player_opt, mean, jax.tree.map(lambda x: x[-1], record))


def _simultaneous_updates(
  context: StepContext,
  state: TrainState,
  number: int,
  start: Variables,
  start_opt: Mapping[str, PyTree],
) -> Update:
  """One update of every player: gradients at `start`, added to the weights of `state`."""
  after = Update(start, dict(start_opt), {}, {})
  for index, player in enumerate(context.game.players):
    inputs = _inputs(context, state, index, jnp.int32(number), start_opt)
    update = gradient_update(
      context, player, start, start_opt[player.name], inputs, changed=state.variables
    )
    after = _merged(after, player, update)
  return after


def _inputs(
  context: StepContext,
  state: TrainState,
  index: int,
  number: jax.Array,
  opt: Mapping[str, PyTree],
) -> Inputs:
  """The inputs of the loss of the player at `index` in its update `number` of the step."""
  data = context.data
  key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), index)
  # Batches are numbered by updates, so players see the same real examples in a step.
  batch_index = state.step * context.play.draws + number
  return Inputs(
    batch=data.batch(data.arrays, batch_index, data.rows),
    key=rng.example_keys(jax.random.fold_in(key, number), data.rows),
    step=state.step,
    memory=state.memory,
    gather=context.across.gather,
    mean=context.across.mean,
    unrolled_update=functools.partial(_unrolled_update, context, opt),
  )


def _unrolled_update(
  context: StepContext,
  opt: Mapping[str, PyTree],
  name: str,
  variables: Variables,
  inputs: Inputs,
  count: int,
) -> Variables:
  """The variables after `count` more updates of the player called `name`, see `game.Inputs`."""
  # The inputs are one of the parts already.
  context = context._replace(play=context.play._replace(microbatches=1))
  player = next(p for p in context.game.players if p.name == name)

  def update(carry, number):
    keys = jax.vmap(jax.random.fold_in, (0, None))(inputs.key, number)
    renewed = dataclasses.replace(inputs, key=keys)
    done = gradient_update(context, player, carry[0], carry[1], renewed)
    return (done.variables, done.opt), None

  (variables, _), _ = jax.lax.scan(update, (variables, opt[name]), jnp.arange(count))
  return variables


def _with_owned(variables: Variables, player: Player, updated: Variables) -> Variables:
  """`variables` with the networks that the player owns from `updated`."""
  return Variables(
    params={**variables.params, **owned(player, updated.params)},
    state={**variables.state, **owned(player, updated.state)},
  )


def _merged(before: Update, player: Player, update: Update) -> Update:
  """The results of the players before, with those of one more player."""
  named = lambda values: {f'{player.name}/{name}': value for name, value in values.items()}
  return Update(
    _with_owned(before.variables, player, update.variables),
    {**before.opt, player.name: update.opt},
    {**before.metrics, **named(update.metrics)},
    {**before.record, **named(update.record)},
  )


def _finished(context: StepContext, state: TrainState, after: Update) -> tuple[TrainState, Metrics]:
  """The next state, and the metrics of the step."""
  following = dataclasses.replace(
    state,
    step=state.step + 1,
    variables=after.variables,
    opt=after.opt,
    ema=_average(context.play.ema, state, after.variables),
    memory=context.game.update_memory(
      state.memory, after.variables, {**after.metrics, 'step': state.step}, after.record
    ),
  )
  return following, {**after.metrics, **_rates(context.play, state)}


def _rates(play: UpdateSchedule, state: TrainState) -> Metrics:
  """The scheduled numbers of the optimizers, as they are in the first updates of a step."""
  count = lambda player: state.step * play.phases * play.updates[player]
  return {
    f'{player}/{name}': jnp.float32(schedule(count(player)))
    for player, made in play.scheduled.items()
    for name, schedule in made.items()
  }


def _average(
  decays: Mapping[str, float | optax.Schedule], state: TrainState, variables: Variables
) -> Mapping[str, PyTree]:
  """The exponential averages; young ones forget faster, so that they do not remember the start.

  The decay at step t (from 0) is min(decay, (1 + t) / (10 + t)). Batch norm's statistics are averaged
  with the weights: those of the last weights do not fit the average of many.
  """
  young = (1 + state.step) / (10 + state.step)

  def one(name: str, decay: float | optax.Schedule) -> PyTree:
    change = 1 - jnp.minimum(decay(state.step) if callable(decay) else decay, young)
    return optax.incremental_update(averaged_collections(variables, name), state.ema[name], change)

  return {name: one(name, decay) for name, decay in decays.items()}


def _repeat(
  function: Callable[[PyTree, Any], tuple[PyTree, PyTree]], carry: PyTree, count: int, unroll: int = 1
) -> tuple[PyTree, PyTree]:
  """`lax.scan` over 0 ... count - 1; a single turn is not a loop, since XLA:CPU runs loops slower."""
  if count > 1:
    return jax.lax.scan(function, carry, jnp.arange(count), unroll=unroll)
  carry, outputs = function(carry, jnp.int32(0))
  return carry, jax.tree.map(lambda x: x[None], outputs)
