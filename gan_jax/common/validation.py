"""Whether values of a config are of the kinds that functions and networks declare for them."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from gan_jax.common import numerics
from gan_jax.common.errors import ConfigError


class _Kind(NamedTuple):
  """What an annotation asks for: whether a value is such, and how to say so."""

  holds: Callable[[Any], bool]
  words: str


def is_whole(value: Any, least: float = -math.inf) -> bool:
  """Whether a value is a whole number of at least `least`; True and False are none."""
  return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least


def _is_number(value: Any) -> bool:
  return numerics.is_real(value) and not math.isnan(value)


def _all(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
  return lambda value: isinstance(value, list | tuple) and all(map(holds, value))


_KINDS: Mapping[Any, _Kind] = {
  int: _Kind(is_whole, 'a whole number'),
  float: _Kind(_is_number, 'a number'),
  bool: _Kind(lambda value: isinstance(value, bool), 'True or False'),
  str: _Kind(lambda value: isinstance(value, str), 'a string'),
  Sequence[int]: _Kind(_all(is_whole), 'a list of whole numbers'),
  Sequence[float]: _Kind(_all(_is_number), 'a list of numbers'),
  Sequence[str]: _Kind(_all(lambda value: isinstance(value, str)), 'a list of strings'),
}
"""{annotation: its kind}; values of other annotations are checked where they are used."""


def check(values: Mapping[str, Any], annotations: Mapping[str, Any]) -> None:
  """Raises ConfigError unless each value is of the kind of its annotation.

  In a program for many runs a value may be one that differs between them, a tracer; each was checked
  when its run was planned.
  """
  for name, value in values.items():
    kind = _KINDS.get(annotations.get(name))
    if kind and not isinstance(value, jax.core.Tracer) and not kind.holds(value):
      raise ConfigError(f'{name}={value!r}: of the wrong kind ({kind.words}); change {name}')


def check_size(name: str, value: Any, least: int = 1) -> None:
  """Raises ConfigError, naming the key, unless a size is a whole number of at least `least`."""
  if not is_whole(value, least):
    raise ConfigError(
      f'{name}={value!r}: out of range (a whole number of at least {least}); change {name}'
    )


def check_sizes(values: Mapping[str, Any], annotations: Mapping[str, Any], defaults) -> None:
  """Raises ConfigError unless the whole numbers of a network, and those in lists, are at least 1.

  One whose default is 0 may be 0.
  """
  for name, value in values.items():
    if annotations.get(name) in (int, Sequence[int]):
      least = 0 if defaults.get(name) == 0 else 1
      for size in value if isinstance(value, list | tuple) else [value]:
        check_size(name, size, least)
