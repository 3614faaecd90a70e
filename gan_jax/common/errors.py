"""The ways in which a command ends badly that a person can do something about."""

import contextlib
import re
from collections.abc import Generator


class ConfigError(Exception):
  """Something that a person asked for cannot be done: one line, naming the key and the remedy."""


class DivergedError(Exception):
  """A loss or a gradient became NaN or infinite: one line, naming the step and the player."""


class WriteError(Exception):
  """The disk is full or takes no more writing: one line, naming the folder and what can be done."""


_OF_KEY = re.compile(r'[a-z_][\w.]*=')
"""How an error of a key below begins, `width=0: ...`."""


@contextlib.contextmanager
def at(key: str) -> Generator[None, None, None]:
  """Says at which key of a config an error was, as `networks.generator.width=0: ...`.

  What a bad value makes fail is a ConfigError too.
  """
  try:
    yield
  except ConfigError as error:
    raise ConfigError(_below(key, str(error))) from error.__cause__
  except ValueError as error:
    raise ConfigError(_below(key, str(error))) from error
  except (ArithmeticError, AssertionError, LookupError, TypeError) as error:
    raise ConfigError(f'{key}: {type(error).__name__}: {error}') from error


def _below(key: str, text: str) -> str:
  if text.startswith(f'{key}.'):
    return text
  return f'{key}{"." if _OF_KEY.match(text) else ": "}{text}'
