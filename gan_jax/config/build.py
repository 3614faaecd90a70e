"""From a plain config to what it names: networks, a game, the way to play it, data."""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from gan_jax import data, gans
from gan_jax import networks as families
from gan_jax.common import lookup, numerics, renamed, validation
from gan_jax.common.errors import ConfigError, at, refused_values
from gan_jax.common.types import Plain
from gan_jax.data import source as sources
from gan_jax.game import Game
from gan_jax.networks.wrappers import MixedPrecision, NetworkWrapper, Rematerialized
from gan_jax.runtime import devices
from gan_jax.training.optimizers import make_optimizer
from gan_jax.training.update_schedule import UpdateSchedule, check_owners


def make_network(spec: Mapping[str, Any], axis_name: str | None = devices.AXIS) -> nn.Module:
  """The Flax module of {'name': 'module.Class', **fields}, whose batch statistics are over the axis."""
  name, fields = lookup.split(spec)
  known = lookup.members(families)
  lookup.choose(name, known)
  own = [f for f in dataclasses.fields(known[name]) if f.name not in ('parent', 'name')]
  takes = {f.name: f.default is dataclasses.MISSING for f in own if f.name != 'axis_name'}
  lookup.check(fields, takes)
  annotations = {f.name: f.type for f in own}
  validation.check(fields, annotations)
  validation.check_sizes(fields, annotations, {f.name: f.default for f in own})
  over = {'axis_name': axis_name} if len(takes) < len(own) else {}
  with refused_values():
    return known[name](**fields, **over)


def _prepared(config: Plain, key: str) -> nn.Module | NetworkWrapper:
  """The network `key` of a config, as it is to compute."""
  made = make_network(config['networks'][key], devices.AXIS if is_global(config) else None)
  if config['compute_dtype'] == 'bfloat16':
    made = MixedPrecision(made)
  return Rematerialized(made) if key in config['remat'] else made


def is_global(config: Plain) -> bool:
  """Whether batch statistics are of the batch of all devices."""
  return config['batch_statistics'] == 'global'


def make_game(config: Plain) -> Game:
  """The game that a config describes."""
  networks = {}
  for key in config['networks']:
    with at(f'networks.{key}'):
      networks[key] = _prepared(config, key)
  with at('remat'):
    for key in config['remat']:
      lookup.choose(key, networks)
  with at('gan'):
    name, hyperparameters = lookup.split(config['gan'])
    variants = lookup.modules(gans, 'make')
    lookup.choose(name, variants)
    return lookup.call(variants[name].make, hyperparameters, networks)


def make_update_schedule(config: Plain, built: Game) -> UpdateSchedule:
  """How the game is played.

  Raises:
    ConfigError: players or networks that the game has not, or lacks.
  """
  with at('players'):
    _same(config['players'], [player.name for player in built.players], 'player')
  with at('ema'):
    for key, decay in config['ema'].items():
      lookup.choose(key, built.networks)
      if not numerics.is_within(decay, below=1):
        raise ConfigError(f'{key}: the decay is {decay!r}; it must be in [0, 1)')
  optimizers, updates = {}, {}
  for player, spec in config['players'].items():
    with at(f'players.{player}'):
      optimizers[player], updates[player] = make_optimizer(spec)
  if config['update_rule'] != 'alternating':
    check_owners(built)
  if config['update_rule'] == 'extragradient' and set(updates.values()) != {1}:
    raise ConfigError(
      'update_rule=extragradient: every player must have one update per step; set updates_per_step to 1'
    )
  return UpdateSchedule(optimizers, updates, dict(config['ema']), config['update_rule'])


def _same(given: Mapping[str, Any], wanted: list[str], what: str) -> None:
  for name in given:
    lookup.choose(name, wanted)
  for name in wanted:
    if name not in given:
      raise ConfigError(f'the {what} {name!r} is missing; this game has: {", ".join(wanted)}')


def make_source(config: Plain) -> sources.Source:
  """The data that a config names."""
  with at('data'):
    name, settings = lookup.split(config['data'])
    kind, colon, suffix = name.partition(':')
    sources = lookup.modules(data, 'load')
    lookup.choose(kind, sources)
    load = sources[kind].load
    takes = inspect.signature(load).parameters
    if bool(colon) != ('suffix' in takes):
      raise ConfigError(
        f'name is {name!r}; ' + (f'write it as {kind!r}' if colon else f'say which: {kind}:...')
      )
    offered = {'suffix': suffix, **{key: config[key] for key in ('seed', 'batch_size', 'placement')}}
    own = {key: p.default is p.empty for key, p in takes.items() if key not in offered}
    renamed.check(settings, inside='data.')
    lookup.check(settings, own)
    validation.check(settings, {key: takes[key].annotation for key in settings})
    return load(**{key: offered[key] for key in takes if key in offered}, **settings)


def make_unseen_source(config: Plain, trained_on: sources.Source) -> sources.Source:
  """Where the real examples of scores are from.

  It is the set that was trained on, or, of data drawn afresh, a source that is the same for every seed.
  """
  return trained_on if trained_on.images is not None else make_source({**config, 'seed': 0})


def make_batch(config: Plain, built: sources.Source, draw: int = 0) -> dict[str, jax.Array]:
  """The whole global batch number `draw`, the first unless said."""
  rows = np.arange(config['batch_size'])
  return jax.jit(built.batch)(sources.arrays_of(built, draw, 1, rows), draw, rows)
