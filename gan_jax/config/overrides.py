"""Checks of the flags --config.KEY=VALUE, against the config that they change."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict
from ml_collections.config_flags import config_flags, config_path, tuple_parser
from ml_collections.config_flags.config_flags import ConfigFileFlagParser

from gan_jax.common import renamed
from gan_jax.common.errors import ConfigError
from gan_jax.common.spelling import closest
from gan_jax.config import experiments

FILE = "the experiment's file"

KINDS = {
  bool: ('True or False', flags.BooleanParser()),
  int: ('a whole number', flags.IntegerParser()),
  float: ('a number', flags.FloatParser()),
  str: ('a string', flags.ArgumentParser()),
  tuple: ('a list', tuple_parser.TupleParser()),
}
"""{type of a present value: (its kind in words, the parser of its new value)}."""


class ExperimentParser(ConfigFileFlagParser):
  """Parses the experiment that a flag names, see `experiments.load`; its config takes no new keys."""

  def parse(self, path: str) -> ConfigDict:
    """Returns the config of NAME[:preset] or FILE[:preset]."""
    return experiments.load(path, f'--{self.name}').lock()


def experiment_of(flag: flags.Flag) -> tuple[pathlib.Path, str]:
  """Returns the file and the preset of the experiment that a parsed flag names."""
  return experiments.find(config_flags.get_config_filename(flag), f'--{flag.name}')


def is_config_file(flag: flags.Flag) -> bool:
  """Returns whether the value of a flag is an experiment."""
  return isinstance(flag.parser, ConfigFileFlagParser)


def check_kind(flag: str, text: str, words: str, parser: flags.ArgumentParser) -> None:
  """Raises ConfigError, with the kind in words, unless a parser accepts the text of a flag."""
  try:
    parser.parse(text)
  except (TypeError, ValueError, OverflowError) as error:
    raise ConfigError(f'--{flag}={text}: of the wrong kind ({words}); change it') from error


def check(config: ConfigDict, flag: str, text: str | None, following: str | None = None) -> None:
  """Raises ConfigError unless a flag sets a value that the config has, to one of the same kind.

  Args:
    config: the config of the experiment.
    flag: 'config.KEY', as in 'config.players.generator.learning_rate'.
    text: the value after '='; None without one.
    following: the next argument, which is the value if `text` is None and the flag is not a boolean.
  """
  name, _, path = flag.partition('.')
  try:
    keys = config_path.split(path)
  except ValueError as error:
    raise ConfigError(f'--{flag}: not a path of keys (--{name}.KEY.KEY=VALUE); change it') from error
  holder, value = config, config
  for depth, key in enumerate(keys):
    if not _has(value, key):
      raise ConfigError(_unknown(name, keys, depth, value))
    holder, value = value, value[key]
  kind = holder.get_type(keys[-1]) if isinstance(holder, ConfigDict) else type(value)
  if kind not in KINDS:
    what = 'a mapping' if isinstance(value, ConfigDict) else f'of the type {kind.__name__}'
    raise ConfigError(f'--{flag}: {what}, which no flag can set; set it in {FILE}')
  if text is None and kind is not bool:
    text = following
  if text is not None:
    words, parser = KINDS[kind]
    check_kind(flag, text, words, parser)


def _has(value: Any, key: Any) -> bool:
  if isinstance(value, ConfigDict):
    return key in value
  return isinstance(value, list) and isinstance(key, int) and key < len(value)


def _unknown(name: str, keys: tuple, depth: int, value: Any) -> str:
  """Returns the error of a key that `value`, which the keys before it lead to, does not have."""
  path = '.'.join(map(str, keys[: depth + 1]))
  flag = '.'.join((name, *map(str, keys)))
  new = renamed.new_name(path)
  if new:
    changed = '.'.join((name, *map(str, keys[:depth]), new, *map(str, keys[depth + 1 :])))
    return f'--{flag}: renamed in version 0.2 (now --{changed}); write --{changed}'
  known = list(value) if isinstance(value, ConfigDict) else []
  close = closest(keys[depth], known) or _inside_others(keys[depth], value)
  # The keys at the top are fixed; only games, networks and data take more.
  remedy = f'add it in {FILE}' if depth else 'see gan-jax train --help'
  remedy = f'did you mean {close!r}?' if close else remedy
  return f'--{flag}: unknown key {keys[depth]!r} (keys: {", ".join(known) or "none"}); {remedy}'


def _inside_others(key: Any, value: Any) -> str | None:
  """Returns the path of a key with a similar name inside the keys of a config; None without one."""
  paths = dict(_paths(value)) if isinstance(value, ConfigDict) else {}
  close = closest(key, {name.rpartition('.')[2] for name in paths})
  return next((path for path in paths if close and path.rpartition('.')[2] == close), None)


def _paths(config: ConfigDict, prefix: str = '') -> Iterator[tuple[str, Any]]:
  for key, value in config.items():
    path = f'{prefix}{key}'
    yield path, value
    if isinstance(value, ConfigDict):
      yield from _paths(value, f'{path}.')


def add_or_assign(config: ConfigDict, path: str, value: Any) -> None:
  """Sets a value of the config, which below the top may be one that the config lacks.

  Training checks added keys, because only networks, games and optimizers know what they accept.

  Args:
    config: as in `assign`.
    path: as in `assign`.
    value: as in `assign`. A mapping replaces the present one as a whole.

  Raises:
    ConfigError: an unknown key before the last one, or at the top; or a value of the wrong kind.
  """
  *outer, last = path.split('.')
  inside = _holder(config, outer, path)
  if outer and isinstance(inside, ConfigDict) and last not in inside:
    inside[last] = value
    return
  assign(config, path, value)


def _holder(config: ConfigDict, outer: Sequence[str], flag: str) -> Any:
  """Returns what the keys before the last one lead to."""
  inside = config
  for key in outer:
    inside = _inside(inside, key, flag)
  return inside


def assign(config: ConfigDict, path: str, value: Any, source: str = '') -> None:
  """Sets a value that the config has, to one of the same kind.

  Args:
    config: it is changed; values that are derived from this one follow it.
    path: the keys, as in 'players.generator.learning_rate'.
    value: the new value; for a key that takes several, a list, or one value alone.
    source: what precedes the path in errors.

  Raises:
    ConfigError: an unknown key, or a value of the wrong kind.
  """
  *outer, last = path.split('.')
  inside = _holder(config, outer, f'{source}{path}')
  present = _inside(inside, last, f'{source}{path}')
  try:
    inside[last] = _as_many(value, present) if isinstance(present, tuple) else value
  except TypeError as error:
    remedy = (
      'write several values in brackets, [VALUE,...]' if isinstance(present, tuple) else 'change it'
    )
    raise ConfigError(
      f'{source}{path}={value!r}: of the wrong kind (like {present!r}); {remedy}'
    ) from error


def _as_many(value: Any, present: tuple) -> tuple:
  """The tuple for a key that takes several values; a single value of their type may stand alone."""
  if isinstance(value, list | tuple):
    return tuple(value)
  alike = {type(item) for item in present} or {str}
  if type(value) in alike or (type(value) is int and float in alike):
    return (value,)
  raise TypeError(value)


def _inside(config: Any, key: str, flag: str) -> Any:
  if not isinstance(config, ConfigDict) or key not in config:
    known = list(config) if isinstance(config, ConfigDict) else []
    close = renamed.new_name(key) or closest(key, known)
    remedy = f'did you mean {close!r}?' if close else 'check the path'
    raise ConfigError(f'{flag}: unknown key {key!r} (keys: {", ".join(known) or "none"}); {remedy}')
  return config[key]
