"""Parameters that a player owns and does not train, by patterns of their names."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence

from flax import traverse_util

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Variables
from gan_jax.training.update_schedule import UpdateSchedule

_SHOWN = 12
"""Number of names in an error, at most."""


def split(params: Mapping[str, PyTree], patterns: Sequence[str]) -> tuple[PyTree, PyTree]:
  """Returns the trained and the frozen parameters of a player, each without the others' branches.

  Args:
    params: {network: its parameters}, nested dicts.
    patterns: see `matches`; without patterns, `params` itself is returned, and nothing is frozen.
  """
  if not patterns:
    return dict(params), {}
  flat = traverse_util.flatten_dict(params)
  is_frozen = {path: any(matches('.'.join(path), p) for p in patterns) for path in flat}
  trained, frozen = (
    {path: leaf for path, leaf in flat.items() if is_frozen[path] == side} for side in (False, True)
  )
  return traverse_util.unflatten_dict(trained), traverse_util.unflatten_dict(frozen)


def merge(trained: PyTree, frozen: PyTree) -> PyTree:
  """Returns the parameters that `split` divided."""
  if not frozen:
    return trained
  flat = traverse_util.flatten_dict(trained) | traverse_util.flatten_dict(frozen)
  return traverse_util.unflatten_dict(flat)


def matches(name: str, pattern: str) -> bool:
  """Returns whether a pattern names a parameter, its layer, or its network.

  Args:
    name: network, layers and array, 'generator.Dense_0.kernel'.
    pattern: such a name or its beginning, 'generator.Dense_0'; `*`, `?` and `[...]` stand for other
      characters, as in a shell.
  """
  return any(fnmatch.fnmatchcase(begin, pattern) for begin in _beginnings(name))


def check_patterns(patterns: object) -> tuple[str, ...]:
  """Returns the key `frozen` of a player as a tuple.

  Raises:
    ConfigError: it is not a list of strings.
  """
  validation.check({'frozen': patterns}, {'frozen': Sequence[str]})
  assert isinstance(patterns, list | tuple)
  return tuple(patterns)


def check_names(game: Game, schedule: UpdateSchedule, variables: Variables) -> None:
  """Raises ConfigError if a pattern names none of its player's parameters.

  Args:
    game: the variant.
    schedule: the patterns of each player.
    variables: of all networks, or their shapes.
  """
  for player in game.players:
    owned = {network: variables.params[network] for network in player.trains}
    params = traverse_util.flatten_dict(owned, sep='.')
    for pattern in schedule.frozen.get(player.name, ()):
      if not any(matches(name, pattern) for name in params):
        layers = sorted({name.rpartition('.')[0] for name in params})
        more = ', ...' if len(layers) > _SHOWN else ''
        raise ConfigError(
          f'players.{player.name}.frozen={pattern!r}: no parameter of this name (layers: '
          f'{", ".join(layers[:_SHOWN])}{more}); write the name of a layer, with * for any characters'
        )


def _beginnings(name: str) -> Iterator[str]:
  parts = name.split('.')
  return ('.'.join(parts[:count]) for count in range(1, len(parts) + 1))
