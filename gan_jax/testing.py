"""Checks of the contract between a game and the train step, for tests of your own games.

`check_game` takes a config that names the game. The other checks take a `Subject`, the objects that a
config describes, which can be shared among them. All raise AssertionError.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain, PyTree
from gan_jax.config import build, experiments, schema
from gan_jax.config.run_config import parse
from gan_jax.game import Game, conditions, sample
from gan_jax.run import setup
from gan_jax.runtime import devices as runtime
from gan_jax.storage import checkpoints
from gan_jax.training.state import Metrics, TrainState
from gan_jax.training.step import make_step
from gan_jax.training.update_schedule import UpdateSchedule

PARAMETER_TOLERANCE = 1e-5
"""Largest difference of a parameter between one and several devices, after four steps.

The sums of a batch are taken in another order.
"""

METRIC_TOLERANCE = 1e-4
"""Largest relative difference of a metric between one and several devices."""

_STEPS = 4


def check_game(config: ConfigDict | Mapping[str, Any] | str) -> None:
  """Checks that a game keeps the contract that the train step relies on.

  It trains for a few steps, so give it a config of small networks. The rules are:

  - the config is the same after a round trip through JSON;
  - losses, gradients and metrics are finite;
  - every player changes each network that it trains, and no other;
  - the step is traced once, so nothing in it changes its shape or type from step to step;
  - samples have the shape of the data, are finite, and depend only on their own key and condition;
  - what the game computes from examples, such as its critic, has one row per example;
  - the state can be written to a checkpoint and read again;
  - one device and several give the same results, if there are several.

  Args:
    config: of an experiment that trains the game: a ConfigDict, a plain mapping, or its name.

  Raises:
    AssertionError: a rule is broken; the message names it.
    ConfigError: the config is not valid.

  Example:
    >>> import gan_jax
    >>> gan_jax.testing.check_game(gan_jax.load_config('gan:ring-test'))
  """
  if isinstance(config, str):
    config = experiments.load(config)
  check_config(config)
  subject = Subject(_plain(config))
  check_players(subject.built.game)
  check_steps(subject)
  check_ownership(subject)
  check_samples(subject)
  check_functions(subject)
  check_state(subject)
  count = _device_count(subject.config)
  if count > 1:
    check_devices(subject, count)


def _plain(config: ConfigDict | Mapping[str, Any]) -> Plain:
  return schema.plain(config if isinstance(config, ConfigDict) else ConfigDict(config))


class Subject:
  """The game, data and updates of a config, which can be trained for a few steps.

  Attributes:
    config: the plain config.
    built: its objects.
    traces: how often a step was traced.
  """

  def __init__(self, config: Plain):
    """Builds the objects of a plain config; its data are held in the memory of the devices."""
    self.config: Plain = {**config, 'placement': 'resident'}
    schema.check(self.config, devices=1)
    self.built = setup.assemble_run(parse(self.config))
    self.traces = 0
    self._begun = functools.cache(lambda: setup.initial_state(self.built))

  def start(self, **changes: Any) -> TrainState:
    """Returns the state before the first step; `changes` are other parts of what is built."""
    if not changes:
      return self._begun()
    return setup.initial_state(dataclasses.replace(self.built, **changes))

  def batch(self) -> dict[str, jax.Array]:
    """Returns the first batch of the data."""
    return build.make_batch(self.built.source, self.config['batch_size'])

  def train(
    self, calls: int, devices: int = 1, state: TrainState | None = None, **changes: Any
  ) -> tuple[TrainState, Metrics]:
    """Returns the state after some calls, and the metrics of all their steps.

    Args:
      calls: of the compiled program.
      devices: how many share the batch.
      state: where to begin; None for the start.
      **changes: other parts of what is built.
    """
    built, local = dataclasses.replace(self.built, **changes), jax.local_devices()[:devices]
    step = setup.make_call(built)

    def counted(state: TrainState, feed: PyTree) -> tuple[TrainState, Metrics]:
      self.traces += 1
      return step(state, feed)

    call = runtime.Program(counted, local)
    begun = self.start(**changes) if state is None else state
    replicated: Any = runtime.replicate(begun, local)
    feed = runtime.shard_batch(built.source.arrays, self.config['batch_size'], local)
    metrics = []
    for _ in range(calls):
      replicated, new = call(replicated, feed)
      metrics.append(jax.device_get(new))
    return replicated, jax.tree.map(lambda *parts: np.concatenate(parts), *metrics)

  def changed_networks(self, game: Game) -> dict[str, bool]:
    """Returns {network: whether a step of the game changes it}, found by tracing the step.

    An array that a step leaves alone is the array that it was given.
    """
    play = self.built.play._replace(updates=dict.fromkeys(self.built.play.updates, 1))
    built = dataclasses.replace(self.built, game=game, play=play)
    step = make_step(game, play, built.source.batch, runtime.GLOBAL_BATCH, 1)
    changed = {}

    def look(state: TrainState, feed: PyTree) -> TrainState:
      after, _ = step(state, feed)
      for name in state.variables.params:
        both = [(v.params[name], v.state[name]) for v in (state.variables, after.variables)]
        pairs = zip(*map(jax.tree.leaves, both), strict=True)
        changed[name] = any(old is not new for old, new in pairs)
      return after

    state = jax.eval_shape(lambda: setup.initial_state(built))
    feed = runtime.shard_batch(built.source.arrays, self.config['batch_size'], jax.local_devices()[:1])
    jax.eval_shape(jax.vmap(look, (None, 0), axis_name=runtime.AXIS), state, feed)
    return changed


def _check(holds: bool, rule: str) -> None:
  if not holds:
    raise AssertionError(rule)


def check_config(config: ConfigDict | Mapping[str, Any]) -> None:
  """Checks that a config is the same after a round trip through JSON."""
  try:
    plain = _plain(config)
  except ConfigError as error:
    raise AssertionError(f'the config is not JSON: {error}') from error
  again = schema.plain(ConfigDict(json.loads(json.dumps(plain))))
  changes = schema.differences(plain, again)
  _check(not changes, f'the config changes in a round trip through JSON: {"; ".join(changes)}')


def check_players(game: Game) -> None:
  """Checks that players have different names, and train networks that the game has."""
  names = [player.name for player in game.players]
  _check(len(set(names)) == len(names), f'two players have the same name: {", ".join(names)}')
  for player in game.players:
    for name in player.trains:
      _check(
        name in game.networks,
        f'player {player.name} trains {name}, which the game lacks ({", ".join(game.networks)})',
      )


def check_steps(subject: Subject, calls: int = 3) -> Metrics:
  """Checks that steps are finite, change all players' networks, and are traced once.

  Returns:
    The metrics of all steps, {'<player>/<metric>': [steps]}.
  """
  before = subject.start().variables.params
  subject.traces = 0
  state, metrics = subject.train(calls)
  for name, values in metrics.items():
    _check(bool(np.isfinite(values).all()), f'the metric {name} is not finite: {values}')
  for name, params in state.variables.params.items():
    finite = all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(params))
    _check(finite, f'parameters of the network {name} are not finite after {calls} calls')
  for player in subject.built.game.players:
    gradients = metrics[f'{player.name}/gradient_norm']
    _check(
      bool((gradients > 0).all()),
      f'player {player.name} has a gradient of 0: its loss does not depend on its networks',
    )
    for name in player.trains:
      _check(
        _differ(before[name], state.variables.params[name]),
        f'player {player.name} trains the network {name}, and does not change it',
      )
  _check(
    subject.traces == 1,
    f'the step was traced {subject.traces} times: the shape or the type of a part of its state changes',
  )
  steps = calls * subject.config['steps_per_call']
  _check(int(state.step) == steps, f'the state counts {int(state.step)} steps, not {steps}')
  return metrics


def check_ownership(subject: Subject) -> dict[str, set[str]]:
  """Checks that a player changes each network that it trains, and no other.

  Returns:
    {player: the networks that it changes}.
  """
  game, changed_by = subject.built.game, {}
  for player in game.players:
    alone = tuple(p if p is player else p._replace(trains=()) for p in game.players)
    networks = subject.changed_networks(game._replace(players=alone))
    changed_by[player.name] = {name for name, changed in networks.items() if changed}
    for name, changed in networks.items():
      owned = name in player.trains
      fault = 'trains, and does not change it' if owned else 'does not train, and changes it'
      _check(changed == owned, f'the network {name}: player {player.name} {fault}')
  return changed_by


def check_samples(subject: Subject) -> np.ndarray:
  """Checks that samples have the shape of the data, are finite, and depend only on their key.

  In a game with conditions they also depend on their condition, which is that of a real example.

  Returns:
    Five samples, [5, ...].
  """
  game, variables = subject.built.game, subject.start().variables
  keys = rng.example_keys(jax.random.key(1), jnp.arange(5))
  batch = subject.batch()
  given = jax.tree.map(lambda x: x[:5], conditions(game, batch))
  samples = np.asarray(sample(game, variables, keys, given))
  shape = (5, *batch['real'].shape[1:])
  _check(samples.shape == shape, f'5 samples have the shape {samples.shape}, not {shape} as the data')
  _check(bool(np.isfinite(samples).all()), 'samples are not finite')
  one = jax.tree.map(lambda x: x[3:4], given)
  alone = np.asarray(sample(game, variables, keys[3:4], one))[0]
  _check(
    np.allclose(alone, samples[3], rtol=1e-5, atol=1e-6),
    'a sample depends on more than its own key: it differs when it is drawn alone',
  )
  if game.sample_truncated:
    bounded = jax.eval_shape(lambda: sample(game, variables, keys, given, truncation=0.5)).shape
    _check(bounded == shape, f'5 truncated samples have the shape {bounded}, not {shape} as the data')
  if game.classes:
    drawn = np.asarray(game.sample(variables, keys))
    _check(drawn.shape == shape, f'5 samples without labels have the shape {drawn.shape}, not {shape}')
  return samples


def check_functions(subject: Subject) -> dict[str, tuple[int, ...]]:
  """Checks the shapes of what a game computes from examples: critic, classes, likelihoods, latents.

  Returns:
    {function: shape of its output for a batch}, of the functions that the game has.
  """
  game, variables, batch = subject.built.game, subject.start().variables, subject.batch()
  real = batch['real']
  keys = rng.example_keys(jax.random.key(1), jnp.arange(len(real)))
  functions: dict[str, Callable[[], jax.Array]] = {}
  if game.critic:
    functions['critic'] = functools.partial(game.critic, variables, real)
  if game.classify:
    functions['classify'] = functools.partial(game.classify, variables, real)
  if game.nll:
    functions['nll'] = functools.partial(game.nll, variables, real, keys)
  if game.encode:
    functions['encode'] = functools.partial(game.encode, variables, real, keys)
  shapes = {name: jax.eval_shape(function).shape for name, function in functions.items()}
  for name, shape in shapes.items():
    rank = 1 if name in ('critic', 'nll') else 2
    fits = len(shape) == rank and shape[0] == len(real)
    _check(fits, f'{name} of {len(real)} examples has the shape {shape}, not one row per example')
  if game.encode and game.latents:
    latents = jax.eval_shape(game.latents, keys).shape
    _check(shapes['encode'] == latents, f'encode has the shape {shapes["encode"]}, latents {latents}')
  return shapes


def check_state(subject: Subject) -> TrainState:
  """Checks that the state can be written to a checkpoint and read again; returns what is read."""
  state = subject.start()
  arrays = checkpoints.to_arrays(state)
  again = checkpoints.from_arrays(arrays, jax.eval_shape(subject.start))
  same = jax.tree.structure(state) == jax.tree.structure(again)
  _check(same, 'the state has another structure after a checkpoint')
  for name, value in checkpoints.to_arrays(again).items():
    _check(np.array_equal(arrays[name], value), f'{name} has another value after a checkpoint')
  return again


def check_devices(subject: Subject, count: int, play: UpdateSchedule | None = None) -> float:
  """Checks that one device and `count` devices give the same results, and replicas are equal.

  Args:
    subject: what is trained.
    count: of devices, a divisor of the batch size.
    play: the updates; None for small steps of plain gradient descent. Adam would make large steps of
      the rounding errors of a gradient near 0.

  Returns:
    The largest difference of a parameter.
  """
  if play is None:
    optimizers = subject.built.play.optimizers
    play = subject.built.play._replace(optimizers=dict.fromkeys(optimizers, optax.sgd(1e-4)))
  calls = max(_STEPS // subject.config['steps_per_call'], 1)
  state = subject.start(play=play)
  one, metrics = subject.train(calls, state=state, play=play)
  several, others = subject.train(calls, devices=count, state=state, play=play)
  bare = dataclasses.replace(several, key=jax.random.key_data(several.key))
  for leaf in jax.tree.leaves(bare):
    copies = [np.asarray(shard.data) for shard in leaf.addressable_shards]
    same = len(copies) == count and all(np.array_equal(copy, copies[0]) for copy in copies)
    _check(same, f'the states of {count} devices differ after {calls} calls')
  for name, value in metrics.items():
    near = 1e-8 if name.endswith('gradient_norm') else 1e-6
    _check(
      np.allclose(others[name], value, rtol=METRIC_TOLERANCE, atol=near),
      f'the metric {name} differs between 1 and {count} devices: {value} and {others[name]}; a loss '
      'that compares examples must use inputs.gather, and random numbers must come from inputs.key',
    )
  differences = {
    name: _largest_difference(params, several.variables.params[name])
    for name, params in one.variables.params.items()
  }
  for name, worst in differences.items():
    _check(
      worst < PARAMETER_TOLERANCE,
      f'parameters of the network {name} differ between 1 and {count} devices by {worst:.1e}',
    )
  return max(differences.values())


def _device_count(config: Plain) -> int:
  """Returns how many devices can share the batch; 1 if each would take statistics of a shard."""
  if config['batch_statistics'] != 'global':
    return 1
  return max(n for n in range(1, jax.local_device_count() + 1) if config['batch_size'] % n == 0)


def _largest_difference(a: PyTree, b: PyTree) -> float:
  pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  return max((float(np.abs(np.asarray(x) - np.asarray(y)).max()) for x, y in pairs), default=0.0)


def _differ(a: PyTree, b: PyTree) -> bool:
  return _largest_difference(a, b) > 0
