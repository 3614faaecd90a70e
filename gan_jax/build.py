"""From a plain config to what it names: networks, a game, the way to play it, data."""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn

from gan_jax import data, gans, kinds, names, numeric, parallel, transforms
from gan_jax import networks as families
from gan_jax.config import Plain
from gan_jax.errors import ConfigError, at
from gan_jax.game import Game
from gan_jax.precision import Lowered
from gan_jax.remat import Rematerialized
from gan_jax.train import Play, check_owners
from gan_jax.wrapped import Wrapped


def _network_classes() -> dict[str, type[nn.Module]]:
  """The networks that a config can name, 'module.Class': those called with `train`."""
  return {
    f'{family}.{name}': found
    for family, module in names.modules(families).items()
    for name, found in inspect.getmembers(module, inspect.isclass)
    if found.__module__ == module.__name__
    and issubclass(found, nn.Module)
    and 'train' in inspect.signature(found.__call__).parameters
  }


def network(spec: Mapping[str, Any], axis_name: str | None = parallel.AXIS) -> nn.Module:
  """The Flax module of {'name': 'module.Class', **fields}, whose batch statistics are over the axis."""
  name, fields = names.split(spec)
  known = _network_classes()
  names.choose(name, known)
  own = [f for f in dataclasses.fields(known[name]) if f.name not in ('parent', 'name')]
  takes = {f.name: f.default is dataclasses.MISSING for f in own if f.name != 'axis_name'}
  names.check(fields, takes)
  annotations = {f.name: f.type for f in own}
  kinds.check(fields, annotations)
  kinds.check_sizes(fields, annotations, {f.name: f.default for f in own})
  over = {'axis_name': axis_name} if len(takes) < len(own) else {}
  return known[name](**fields, **over)


def _prepared(config: Plain, key: str) -> nn.Module | Wrapped:
  """The network `key` of a config, as it is to compute."""
  made = network(config['networks'][key], parallel.AXIS if is_global(config) else None)
  if config['compute_dtype'] == 'bfloat16':
    made = Lowered(made)
  return Rematerialized(made) if key in config['remat'] else made


def is_global(config: Plain) -> bool:
  """Whether batch statistics are of the batch of all devices."""
  return config['batch_statistics'] == 'global'


def game(config: Plain) -> Game:
  """The game that a config describes."""
  networks = {}
  for key in config['networks']:
    with at(f'networks.{key}'):
      networks[key] = _prepared(config, key)
  with at('remat'):
    for key in config['remat']:
      names.choose(key, networks)
  with at('gan'):
    name, hyperparameters = names.split(config['gan'])
    variants = names.modules(gans, 'make')
    names.choose(name, variants)
    return names.call(variants[name].make, hyperparameters, networks)


def _optimizers() -> dict[str, Any]:
  """The optimizers of optax: its public functions that take a learning rate."""
  functions = dict(inspect.getmembers(optax, inspect.isfunction))
  public = {n: f for n, f in functions.items() if not n.startswith(('_', 'scale_by_'))}
  return {n: f for n, f in public.items() if 'learning_rate' in inspect.signature(f).parameters}


def _transforms(specs: Mapping[str, Mapping[str, Any]]) -> list[optax.GradientTransformation]:
  """Transformations {name: arguments} of `gan_jax.transforms` or of optax, in the order of names."""
  kind = optax.GradientTransformation
  known = {**names.factories(optax, kind), **names.factories(transforms, kind)}
  made = []
  for name, arguments in sorted(specs.items()):
    names.choose(name, known)
    with at(name):
      made.append(names.call(known[name], arguments))
  return made


def optimizer(spec: Mapping[str, Any]) -> tuple[optax.GradientTransformation, int]:
  """A player's optimizer with what comes before and after it, and its updates in a step."""
  stages = ('before', 'after', 'constraints')
  arguments: dict[str, Any] = {'steps': 1, **dict.fromkeys(stages, {}), **spec}
  name, steps = arguments.pop('optimizer', None), arguments.pop('steps')
  if not isinstance(steps, int) or steps < 1:
    raise ConfigError(f'steps is {steps!r}; it must be a whole number of at least 1')
  around = {}
  for stage in stages:
    with at(stage):
      around[stage] = _transforms(arguments.pop(stage))
  with at('optimizer'):
    known = _optimizers()
    names.choose(name, known)
    _check_rate(arguments.get('learning_rate'))
    made = names.call(known[name], arguments)
    made = _join(
      optax.chain(optax.identity(), *around['before']),
      optax.chain(made, *around['after'], *around['constraints']),
    )
    jax.eval_shape(lambda p: made.update(p, made.init(p), p), {'weights': np.zeros((2, 2), np.float32)})
    return made, steps


def _join(
  before: optax.GradientTransformation, after: optax.GradientTransformation
) -> optax.GradientTransformationExtraArgs:
  """One after the other; `at` are the weights of the gradients, if the change is to others."""

  def init(params):
    return before.init(params), after.init(params)

  def update(updates, state, params=None, *, at=None, **unused):
    updates, first = before.update(updates, state[0], params if at is None else at)
    updates, second = after.update(updates, state[1], params)
    return updates, (first, second)

  return optax.GradientTransformationExtraArgs(init, update)


def _check_rate(rate: Any) -> None:
  if not numeric.is_within(rate):
    raise ConfigError(f'the learning_rate is {rate!r}; it must be a number of at least 0')


def play(config: Plain, built: Game) -> Play:
  """How the game is played.

  Raises:
    ConfigError: players or networks that the game has not, or lacks.
  """
  with at('players'):
    _same(config['players'], [player.name for player in built.players], 'player')
  with at('ema'):
    for key, decay in config['ema'].items():
      names.choose(key, built.networks)
      if not numeric.is_within(decay, below=1):
        raise ConfigError(f'{key}: the decay is {decay!r}; it must be in [0, 1)')
  optimizers, updates = {}, {}
  for player, spec in config['players'].items():
    with at(f'players.{player}'):
      optimizers[player], updates[player] = optimizer(spec)
  if config['update'] != 'alternating':
    check_owners(built)
  if config['update'] == 'extragradient' and set(updates.values()) != {1}:
    raise ConfigError('update: with extragradient every player has 1 update in a step; set steps to 1')
  return Play(optimizers, updates, dict(config['ema']), config['update'])


def _same(given: Mapping[str, Any], wanted: list[str], what: str) -> None:
  for name in given:
    names.choose(name, wanted)
  for name in wanted:
    if name not in given:
      raise ConfigError(f'the {what} {name!r} is missing; this game has: {", ".join(wanted)}')


def source(config: Plain) -> data.Source:
  """The data that a config names."""
  with at('data'):
    name, settings = names.split(config['data'])
    kind, colon, of = name.partition(':')
    sources = names.modules(data, 'load')
    names.choose(kind, sources)
    load = sources[kind].load
    takes = inspect.signature(load).parameters
    if bool(colon) != ('of' in takes):
      raise ConfigError(
        f'name is {name!r}; ' + (f'write it as {kind!r}' if colon else f'say which: {kind}:...')
      )
    offered = {'of': of, **{key: config[key] for key in ('seed', 'batch_size', 'placement')}}
    own = {key: p.default is p.empty for key, p in takes.items() if key not in offered}
    names.check(settings, own)
    kinds.check(settings, {key: takes[key].annotation for key in settings})
    return load(**{key: offered[key] for key in takes if key in offered}, **settings)


def unseen_source(config: Plain, trained_on: data.Source) -> data.Source:
  """Where the real examples of scores are from.

  It is the set that was trained on, or, of data drawn afresh, a source that is the same for every seed.
  """
  return trained_on if trained_on.images is not None else source({**config, 'seed': 0})


def batch(config: Plain, built: data.Source, draw: int = 0) -> dict[str, jax.Array]:
  """The whole global batch number `draw`, the first unless said."""
  rows = np.arange(config['batch_size'])
  return jax.jit(built.batch)(data.arrays_of(built, draw, 1, rows), draw, rows)
