"""Optimizers of players, from their config."""

import inspect
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax

from gan_jax.common import lookup, numerics, renamed
from gan_jax.common.errors import ConfigError, at
from gan_jax.training import transforms


def _optimizers() -> dict[str, Any]:
  """The optimizers of optax: its public functions that take a learning rate."""
  functions = dict(inspect.getmembers(optax, inspect.isfunction))
  public = {n: f for n, f in functions.items() if not n.startswith(('_', 'scale_by_'))}
  return {n: f for n, f in public.items() if 'learning_rate' in inspect.signature(f).parameters}


def _transforms(specs: Mapping[str, Mapping[str, Any]]) -> list[optax.GradientTransformation]:
  """Returns the transformations {name: arguments}, of `training.transforms` or optax, by name."""
  kind = optax.GradientTransformation
  known = {**lookup.factories(optax, kind), **lookup.factories(transforms, kind)}
  made = []
  for name, arguments in sorted(specs.items()):
    lookup.choose(name, known)
    with at(name):
      made.append(lookup.call(known[name], arguments))
  return made


def make_optimizer(spec: Mapping[str, Any]) -> tuple[optax.GradientTransformation, int]:
  """A player's optimizer with what comes before and after it, and its updates in a step."""
  stages = ('gradient_transforms', 'update_transforms', 'weight_constraints')
  arguments: dict[str, Any] = {'updates_per_step': 1, **dict.fromkeys(stages, {}), **spec}
  renamed.check(spec, inside='players.*.')
  name, updates = arguments.pop('optimizer', None), arguments.pop('updates_per_step')
  if not isinstance(updates, int) or updates < 1:
    raise ConfigError(
      f'updates_per_step={updates!r}: out of range (a whole number of at least 1); change it'
    )
  around = {}
  for stage in stages:
    with at(stage):
      around[stage] = _transforms(arguments.pop(stage))
  with at('optimizer'):
    known = _optimizers()
    lookup.choose(name, known)
    _check_rate(arguments.get('learning_rate'))
    made = lookup.call(known[name], arguments)
    made = _join(
      optax.chain(optax.identity(), *around['gradient_transforms']),
      optax.chain(made, *around['update_transforms'], *around['weight_constraints']),
    )
    jax.eval_shape(lambda p: made.update(p, made.init(p), p), {'weights': np.zeros((2, 2), np.float32)})
    return made, updates


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
  if not numerics.is_within(rate):
    raise ConfigError(f'the learning_rate is {rate!r}; it must be a number of at least 0')
