"""Penalties of a player from their names and weights in a config."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from gan_jax.common import lookup, numerics, validation
from gan_jax.common.errors import ConfigError, at
from gan_jax.losses.regularizers import LazyPenalties, LazyPenalty

Specs = Mapping[str, Mapping[str, Any]]
"""{name of a factory: {'weight': its factor, 'every': n, **arguments of the factory}}."""


def make_penalties(specs: Specs, key: str, owner: ModuleType) -> LazyPenalties:
  """Returns the penalties of a player.

  Args:
    specs: names, weights and arguments; `every` is 1 by default.
    key: that has the specs in the config, for errors.
    owner: the module with the factories, e.g. `gan_jax.losses.regularizers`.

  Raises:
    ConfigError: an unknown name, a missing weight, or a number that is out of its range.
  """
  by_name = {}
  for name, spec in specs.items():
    path = f'{key}.{name}'
    if not isinstance(spec, Mapping) or 'weight' not in spec:
      raise ConfigError(f'{path}={spec!r}: the weight is missing; write {{"weight": a number}}')
    arguments = dict(spec)
    weight, every = arguments.pop('weight'), arguments.pop('every', 1)
    if not numerics.is_within(weight):
      raise ConfigError(
        f'{path}.weight={weight!r}: out of range (a finite number of at least 0); change weight'
      )
    if not validation.is_whole(every, 1):
      raise ConfigError(
        f'{path}.every={every!r}: out of range (a whole number of at least 1); change every'
      )
    with at(path):
      regularizer = lookup.make(owner, {**arguments, 'name': name})
    by_name[name] = LazyPenalty(regularizer, weight, every)
  return LazyPenalties(by_name)
