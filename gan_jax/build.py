"""From a plain config to what it names: networks, a game, the way to play it, data."""

import contextlib
import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn

from gan_jax import data, gans, names, parallel
from gan_jax import networks as families
from gan_jax.config import Plain
from gan_jax.errors import ConfigError
from gan_jax.game import Game
from gan_jax.train import Play


@contextlib.contextmanager
def _at(key: str) -> Iterator[None]:
  """Says at which key of the config an error was."""
  try:
    yield
  except ConfigError as error:
    raise ConfigError(f'{key}: {error}') from error


def _network_classes() -> dict[str, type[nn.Module]]:
  """The networks that a config can name, 'module.Class': those called with `train`."""
  return {
    f'{family}.{name}': found
    for family, module in names.modules(families, '__name__').items()
    for name, found in inspect.getmembers(module, inspect.isclass)
    if found.__module__ == module.__name__
    and issubclass(found, nn.Module)
    and 'train' in inspect.signature(found.__call__).parameters
  }


def network(spec: Mapping[str, Any]) -> nn.Module:
  """The Flax module of {'name': 'module.Class', **fields}; batch statistics are over all devices."""
  name, fields = names.split(spec)
  known = _network_classes()
  names.choose(name, known)
  own = [f for f in dataclasses.fields(known[name]) if f.name not in ('parent', 'name')]
  takes = {f.name: f.default is dataclasses.MISSING for f in own if f.name != 'axis_name'}
  names.check(fields, takes)
  over_all = {'axis_name': parallel.AXIS} if len(takes) < len(own) else {}
  return known[name](**fields, **over_all)


def game(config: Plain) -> Game:
  """The game that a config describes."""
  networks = {}
  for key, spec in config['networks'].items():
    with _at(f'networks.{key}'):
      networks[key] = network(spec)
  with _at('gan'):
    name, hyperparameters = names.split(config['gan'])
    variants = names.modules(gans, 'make')
    names.choose(name, variants)
    return names.call(variants[name].make, hyperparameters, networks)


def _optimizers() -> dict[str, Any]:
  """The optimizers of optax: its public functions that take a learning rate."""
  functions = dict(inspect.getmembers(optax, inspect.isfunction))
  public = {n: f for n, f in functions.items() if not n.startswith(('_', 'scale_by_'))}
  return {n: f for n, f in public.items() if 'learning_rate' in inspect.signature(f).parameters}


def optimizer(spec: Mapping[str, Any]) -> tuple[optax.GradientTransformation, int]:
  """A player's optimizer, and its updates in a step."""
  arguments = {'steps': 1, **spec}
  name, steps = arguments.pop('optimizer', None), arguments.pop('steps')
  if not isinstance(steps, int) or steps < 1:
    raise ConfigError(f'steps is {steps!r}; it must be a whole number of at least 1')
  with _at('optimizer'):
    known = _optimizers()
    names.choose(name, known)
    return names.call(known[name], arguments), steps


def play(config: Plain, built: Game) -> Play:
  """How the game is played.

  Raises:
    ConfigError: players or networks that the game has not, or lacks.
  """
  with _at('players'):
    _same(config['players'], [player.name for player in built.players], 'player')
  with _at('ema'):
    for key, decay in config['ema'].items():
      names.choose(key, built.networks)
      if not 0 <= decay < 1:
        raise ConfigError(f'{key}: the decay is {decay}; it must be in [0, 1)')
  optimizers, updates = {}, {}
  for player, spec in config['players'].items():
    with _at(f'players.{player}'):
      optimizers[player], updates[player] = optimizer(spec)
  simultaneous = config['update'] == 'simultaneous'
  return Play(optimizers, updates, dict(config['ema']), simultaneous)


def _same(given: Mapping[str, Any], wanted: list[str], what: str) -> None:
  for name in given:
    names.choose(name, wanted)
  for name in wanted:
    if name not in given:
      raise ConfigError(f'the {what} {name!r} is missing; this game has: {", ".join(wanted)}')


def source(config: Plain) -> data.Source:
  """The data that a config names."""
  with _at('data'):
    name, settings = names.split(config['data'])
    sources = names.modules(data, 'load')
    names.choose(name, sources)
    return names.call(sources[name].load, settings, config['seed'], config['batch_size'])


def first_batch(config: Plain, built: data.Source) -> dict[str, jax.Array]:
  """The whole first global batch."""
  return jax.jit(built.batch)(built.arrays, 0, np.arange(config['batch_size']))
