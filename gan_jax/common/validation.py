"""Checks that values of a config have the kinds that functions and networks declare."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gan_jax.common import numerics
from gan_jax.common.errors import ConfigError


class _Kind(NamedTuple):
  """The values that an annotation allows.

  Attributes:
    holds: whether a value is of this kind.
    words: the kind in words, for errors.
  """

  holds: Callable[[Any], bool]
  words: str


def is_whole(value: Any, least: float = -math.inf) -> bool:
  """Returns whether a value is a whole number of at least `least`; True and False are not."""
  return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least


def _is_number(value: Any) -> bool:
  return numerics.is_traced(value) or (numerics.is_real(value) and not math.isnan(value))


def _is_text(value: Any) -> bool:
  return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
  return isinstance(value, Mapping)


def _are_mappings(value: Any) -> bool:
  return isinstance(value, Mapping) and all(map(_is_mapping, value.values()))


def _all(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
  return lambda value: isinstance(value, list | tuple) and all(map(holds, value))


_KINDS: Mapping[Any, _Kind] = {
  int: _Kind(is_whole, 'a whole number'),
  float: _Kind(_is_number, 'a number'),
  bool: _Kind(lambda value: isinstance(value, bool), 'True or False'),
  str: _Kind(_is_text, 'a string'),
  float | None: _Kind(lambda value: value is None or _is_number(value), 'a number or None'),
  str | float: _Kind(lambda value: _is_text(value) or _is_number(value), 'a string or a number'),
  Sequence[int]: _Kind(_all(is_whole), 'a list of whole numbers'),
  Sequence[float]: _Kind(_all(_is_number), 'a list of numbers'),
  Sequence[str]: _Kind(_all(_is_text), 'a list of strings'),
  Mapping[str, Any]: _Kind(_is_mapping, 'a mapping'),
  Mapping[str, Mapping[str, Any]]: _Kind(_are_mappings, 'a mapping of mappings'),
}
"""{annotation: its kind}; code that uses a value of another annotation checks it."""


def check(values: Mapping[str, Any], annotations: Mapping[str, Any]) -> None:
  """Raises ConfigError unless each value is of the kind of its annotation.

  A traced value is a number that need not be whole, see `numerics.is_traced`.
  """
  for name, value in values.items():
    kind = _KINDS.get(annotations.get(name))
    if kind and not kind.holds(value):
      raise ConfigError(f'{name}={value!r}: of the wrong kind ({kind.words}); change {name}')


def check_size(name: str, value: Any, least: int = 1) -> None:
  """Raises ConfigError, naming the key, unless a size is a whole number of at least `least`."""
  if not is_whole(value, least):
    raise ConfigError(
      f'{name}={value!r}: out of range (a whole number of at least {least}); change {name}'
    )


def check_sizes(
  values: Mapping[str, Any], annotations: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
  """Raises ConfigError unless the sizes of a network are large enough.

  Sizes are the fields annotated as whole numbers or as lists of them. The least size is 1, or 0 for a
  field whose default is 0.
  """
  for name, value in values.items():
    if annotations.get(name) in (int, Sequence[int]):
      least = 0 if defaults.get(name) == 0 else 1
      for size in value if isinstance(value, list | tuple) else [value]:
        check_size(name, size, least)
