"""Errors that a user can fix, each one line."""

import contextlib
import re
from collections.abc import Generator


class ConfigError(Exception):
  """A request that cannot be carried out; the message names the key and the remedy."""


class UnknownNameError(ConfigError):
  """A config names something that neither this package nor an extension of it defines."""


class DivergedError(Exception):
  """A loss or a gradient is NaN or infinite; the message names the step and the player."""


class WriteError(Exception):
  """The disk is full or read-only; the message names the folder and the remedy."""


_KEY = re.compile(r'[a-z_][\w.]*=')
"""The beginning of a message that names a key, `width=0: ...`."""

_PATH = re.compile(r'[a-z_][\w.]*')
"""The path of a key, which such a message continues. The label of a setting is not one."""


@contextlib.contextmanager
def at(key: str) -> Generator[None, None, None]:
  """Adds the key of a config to a ConfigError, as in `networks.generator.width=0: ...`.

  Other exceptions are faults of the program, and pass unchanged with their traceback.
  """
  try:
    yield
  except ConfigError as error:
    raise type(error)(_prefixed(key, str(error))) from error.__cause__


@contextlib.contextmanager
def refused_values() -> Generator[None, None, None]:
  """Turns a ValueError into a ConfigError, around a pure function that a config calls.

  Public pure functions raise ValueError for a hyperparameter or a shape that they refuse. Where the
  config gave that value, the user can change it.
  """
  try:
    yield
  except ValueError as error:
    raise ConfigError(str(error)) from error


def _prefixed(key: str, text: str) -> str:
  if text.startswith(f'{key}.'):
    return text
  is_path = _PATH.fullmatch(key) and _KEY.match(text)
  return f'{key}.{text}' if is_path else f'{key}: {text}'
