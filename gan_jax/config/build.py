"""The objects that a config names: networks, a game, its update schedule, data."""

import contextlib
import dataclasses
import inspect
import re
from collections.abc import Callable, Collection, Generator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gan_jax import data, gans
from gan_jax import networks as families
from gan_jax.common import lookup, numerics, renamed, schedules, validation
from gan_jax.common.errors import ConfigError, at, refused_values
from gan_jax.common.types import PyTree
from gan_jax.config import scheduled_game
from gan_jax.config.run_config import DataConfig, GameConfig, UpdatesConfig
from gan_jax.data import source as sources
from gan_jax.game import Game
from gan_jax.networks.wrappers import MixedPrecision, NetworkWrapper, Rematerialized
from gan_jax.runtime import devices
from gan_jax.training import frozen
from gan_jax.training.optimizers import make_optimizer, scheduled_numbers
from gan_jax.training.update_schedule import UpdateSchedule, check_owners

Conditions = Callable[[int, int], PyTree]
"""(first, count) -> the conditions of the samples `first` to first + count - 1, [count, ...] each."""

_CONDITIONS = 100
"""The largest number of conditions that are computed at once."""


def make_network(spec: Mapping[str, Any], axis_name: str | None = devices.AXIS) -> nn.Module:
  """Returns the Flax module of a spec.

  Args:
    spec: {'name': 'module.Class', **fields}.
    axis_name: axis of devices over which batch statistics are taken; None for each device alone.
  """
  name, fields = lookup.split(spec)
  known = lookup.members(families)
  lookup.choose_extended(name, known)
  declared = [f for f in dataclasses.fields(known[name]) if f.name not in ('parent', 'name')]
  takes = {f.name: f.default is dataclasses.MISSING for f in declared if f.name != 'axis_name'}
  lookup.check(fields, takes)
  annotations = {f.name: f.type for f in declared}
  validation.check(fields, annotations)
  validation.check_sizes(fields, annotations, {f.name: f.default for f in declared})
  if len(takes) < len(declared):
    fields = {**fields, 'axis_name': axis_name}
  with refused_values():
    return known[name](**fields)


def _prepared(config: GameConfig, key: str) -> nn.Module | NetworkWrapper:
  """Returns the network `key` in the precision and with the rematerialization of the config."""
  axis_name = devices.AXIS if config.batch_statistics == 'global' else None
  network = make_network(config.networks[key], axis_name)
  if config.compute_dtype == 'bfloat16':
    network = MixedPrecision(network)
  return Rematerialized(network) if key in config.remat else network


def make_game(config: GameConfig) -> Game:
  """Returns the game that a config describes; see `scheduled_game` for numbers that are schedules."""
  networks = {}
  for key in config.networks:
    with at(f'networks.{key}'):
      networks[key] = _prepared(config, key)
  with at('remat'):
    for key in config.remat:
      lookup.choose(key, networks)
  with at('gan'):
    name, hyperparameters = lookup.split(config.gan)
    variants = lookup.modules(gans, 'make')
    lookup.choose_extended(name, variants)
    make = lambda numbers: lookup.call(variants[name].make, numbers, networks)
    return scheduled_game.make_game(make, hyperparameters)


def make_update_schedule(config: UpdatesConfig, game: Game) -> UpdateSchedule:
  """Returns the optimizers of a game, the number of updates, their order, and the averages.

  Raises:
    ConfigError: players or networks that the game has not, or lacks.
  """
  with at('players'):
    _same(config.players, [player.name for player in game.players], 'player')
  with at('ema'):
    ema = {key: _decay(key, decay, game) for key, decay in config.ema.items()}
  optimizers, updates, scheduled, patterns = {}, {}, {}, {}
  for player, spec in config.players.items():
    with at(f'players.{player}'):
      optimizers[player], updates[player] = make_optimizer(spec)
      patterns[player] = frozen.check_patterns(spec.get('frozen', ()))
      scheduled[player] = scheduled_numbers(spec)
  if config.update_rule != 'alternating':
    check_owners(game)
  if config.update_rule == 'extragradient' and set(updates.values()) != {1}:
    raise ConfigError(
      'update_rule=extragradient: every player must have one update per step; set updates_per_step to 1'
    )
  return UpdateSchedule(
    optimizers,
    updates,
    ema,
    config.update_rule,
    frozen=patterns,
    scheduled=scheduled,
    microbatches=config.microbatches,
  )


def _decay(key: str, decay: Any, game: Game) -> float | optax.Schedule:
  """Returns the decay of the averages of a network, a number or a schedule of the step."""
  lookup.choose(key, game.networks)
  if schedules.is_schedule(decay):
    with at(key):
      return schedules.make_schedule(decay, below=1)
  if not numerics.is_within(decay, below=1):
    raise ConfigError(f'{key}={decay!r}: out of range (at least 0, below 1); change the decay')
  return decay


def _same(given: Mapping[str, Any], wanted: list[str], what: str) -> None:
  for name in given:
    lookup.choose(name, wanted)
  for name in wanted:
    if name not in given:
      raise ConfigError(f'missing {what} {name!r} (this game: {", ".join(wanted)}); add it')


def make_source(config: DataConfig) -> sources.Source:
  """Returns the source of the data that a config names.

  A parameter of `load` that is annotated as `sources.MakeSource` takes another spec, whose source has
  the same batch size and placement. An error names the key in the nested spec.
  """
  return _source(config, 'data')


def _source(config: DataConfig, path: str) -> sources.Source:
  """Returns the source of a spec, which is at `path` in the config of the run."""
  with at(path):
    kind, colon, suffix = config.name.partition(':')
    loaders = lookup.modules(data, 'load')
    lookup.choose_extended(kind, loaders)
    load = loaders[kind].load
    takes = inspect.signature(load).parameters
    if bool(colon) != ('suffix' in takes):
      fault = 'takes nothing after a colon' if colon else 'incomplete'
      remedy = f'write {kind!r}' if colon else f'write {kind}:NAME'
      raise ConfigError(f'name={config.name!r}: {fault}; {remedy}')
    offered = {
      'suffix': suffix,
      **{key: getattr(config, key) for key in ('seed', 'batch_size', 'placement')},
    }
    required = {key: p.default is p.empty for key, p in takes.items() if key not in offered}
    settings = config.settings
    renamed.check(settings, inside='data.')
    lookup.check(settings, required)
    validation.check(settings, {key: takes[key].annotation for key in settings})
  nested = [key for key in settings if takes[key].annotation == sources.MakeSource]
  makers = {key: _maker(config, settings[key], f'{path}.{key}') for key in nested}
  own_keys = [key for key in ('name', *takes) if key not in nested]
  with _at_source(path, own_keys):
    source = load(**{key: offered[key] for key in takes if key in offered}, **settings | makers)
  return _with_path_in_errors(source, path, own_keys)


def _maker(config: DataConfig, spec: Any, path: str) -> sources.MakeSource:
  """Returns the function seed -> the source of a spec, which is at `path` in the config of the run."""
  return lambda seed: _source(dataclasses.replace(config, spec=spec, seed=seed), path)


def _with_path_in_errors(source: sources.Source, path: str, keys: Collection[str]) -> sources.Source:
  """Returns a source whose `held_out` raises errors that name the keys of its spec, at `path`."""
  make = source.held_out
  if make is None:
    return source

  def held_out() -> sources.Source:
    with _at_source(path, keys):
      return make()

  return source._replace(held_out=held_out)


@contextlib.contextmanager
def _at_source(path: str, keys: Collection[str]) -> Generator[None, None, None]:
  """Does the same as `at(path)` for a source, whose errors name its keys as those of `data`."""
  with at(path):
    try:
      yield
    except ConfigError as error:
      own = rf'\bdata\.(?=({"|".join(keys)})\b)'
      raise type(error)(re.sub(own, f'{path}.', str(error))) from error.__cause__


def make_held_out_source(config: DataConfig) -> sources.Source:
  """Returns the source of the examples that training never sees; it is the same for every seed.

  Raises:
    ConfigError: the data cannot hold out examples, or its settings hold out none.
  """
  source = make_source(dataclasses.replace(config, seed=0))
  if source.held_out is None:
    raise ConfigError(
      f'data.name={config.name}: the data has no held-out examples (a source with `held_out`); choose '
      'other data'
    )
  return source.held_out()


def check_labels(game: Game, source: sources.Source) -> None:
  """Raises ConfigError if a game is conditioned on another number of labels than the data has."""
  count = sources.label_count(source)
  if not game.classes or game.classes == count:
    return
  if not count:
    raise ConfigError(
      f'gan.classes={game.classes}: the data has no labels (this game is conditioned on them); choose '
      'data with labels, or another game'
    )
  raise ConfigError(
    f'gan.classes={game.classes}: the data has {count} labels (one class each); set gan.classes to '
    f'{count}, which in the experiments of gan_jax also changes the networks'
  )


def make_unseen_source(config: DataConfig, trained_on: sources.Source) -> sources.Source:
  """Returns the source of the real examples that metrics compare with.

  It is the dataset that was trained on. If the data is drawn at random, it is a source that is the same
  for every seed.
  """
  if trained_on.images is not None:
    return trained_on
  return make_source(dataclasses.replace(config, seed=0))


def make_conditions(config: DataConfig, game: Game, seed: int) -> Conditions | None:
  """Returns the conditions of samples that are evaluated: those of the data, in a shuffled order.

  Args:
    config: the data.
    game: the game.
    seed: of the order.

  Returns:
    (first, count) -> the conditions of the samples `first` to first + count - 1, NumPy arrays
    [count, ...]; None for a game without conditions.
  """
  condition = game.condition
  if condition is None:
    return None
  size = min(config.batch_size, _CONDITIONS)
  source = make_source(dataclasses.replace(config, seed=seed, batch_size=size, placement='stream'))
  rows = np.arange(size)
  # Compiled together, so that images are computed only if the conditions need them.
  read = jax.jit(lambda arrays, index: condition(source.batch(arrays, index, jnp.asarray(rows))))

  def conditions(first: int, count: int) -> PyTree:
    start, end = first // size, -(-(first + count) // size)
    parts = [read(sources.arrays_of(source, i, 1, rows), i) for i in range(start, end)]
    offset = first - start * size
    pick = lambda *leaves: np.concatenate(leaves)[offset : offset + count]
    return jax.tree.map(pick, *jax.device_get(parts))

  return conditions


def make_batch(source: sources.Source, batch_size: int, batch_index: int = 0) -> dict[str, jax.Array]:
  """Returns a global batch of a source, [batch_size, ...] each, by its index."""
  rows = np.arange(batch_size)
  arrays = sources.arrays_of(source, batch_index, 1, rows)
  return jax.jit(source.batch)(arrays, batch_index, rows)
