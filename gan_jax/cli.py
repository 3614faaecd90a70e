"""The command line: flags, and errors of one line with an exit code that tells their kind."""

import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import flags, logging

from gan_jax.common import output
from gan_jax.common.console import BAD_REQUEST, DIVERGED, INTERRUPTED, UNWRITTEN
from gan_jax.common.errors import ConfigError, DivergedError, WriteError
from gan_jax.common.renamed import new_name

STARTED = time.perf_counter()
"""When the program started."""


def end_on_interrupt() -> None:
  """Makes Ctrl-C end the process: what Python raises for it is lost inside a callback of JAX."""

  def end(unused_number, unused_frame) -> None:
    output.say('interrupted: what was saved last is kept')
    os._exit(INTERRUPTED)

  signal.signal(signal.SIGINT, end)


def fail(error: Exception | str, code: int) -> NoReturn:
  """Prints an error in one line, and exits with `code`."""
  text = ' '.join(str(error).split())
  if isinstance(error, Exception) and error.__cause__ and logging.level_info():
    traceback.print_exception(error)
  print(f'error: {text}', file=sys.stderr, flush=True)
  sys.exit(code)


def _unknown_key(error: Exception, argv: Sequence[str]) -> ConfigError | None:
  """What to say of a flag for a key that the config has not; None if that was not the fault."""
  text = str(error)
  key, hint = re.search(r'\w+', text), re.search(r'Did you mean [^?]*[?]', text)
  if not key:
    return None
  blamed = [a.split('=')[0] for a in argv if re.search(rf'\.{key[0]}[.=]', a)]
  if not blamed:
    return None
  new = new_name(blamed[0].removeprefix('--config.'))
  if new:
    flag = f'{blamed[0].removesuffix(key[0])}{new}'
    return ConfigError(f'{blamed[0]}: renamed in version 0.2 (now {flag}); write {flag}')
  remedy = hint[0] if hint else "add it in the experiment's file"
  return ConfigError(f'{blamed[0]}: the config has no key {key[0]!r} there; {remedy}')


_OF_PYTHON = (
  (r"invalid literal for int\(\) with base 10: '.*'", 'of the wrong kind (a whole number); change it'),
  (r"could not convert string to float: '.*'", 'of the wrong kind (a number); change it'),
)


def _in_words(text: str) -> str:
  """Returns what absl says of a flag's value, without Python's own words."""
  for pattern, words in _OF_PYTHON:
    text = re.sub(pattern, words, text)
  return text


class _HelpFlag(flags.BooleanFlag):
  """Prints the flags of a command, and exits."""

  def __init__(self, values: flags.FlagValues, usage: str):
    super().__init__('help', False, 'Shows this help.', short_name='h', allow_hide_cpp=True)
    self._values, self._usage = values, usage

  def parse(self, argument: bool | str) -> None:
    """Parses the flag as absl does."""
    if self._parse(argument):
      print(f'{self._usage}\n\n{self._values.get_help()}')
      sys.exit(0)


def new_flags(usage: str) -> flags.FlagValues:
  """Flags for one command: those of absl's logging, and --help, which begins with `usage`."""
  values = flags.FlagValues()
  for name in ('verbosity', 'logtostderr', 'alsologtostderr'):
    flags.DEFINE_flag(flags.FLAGS[name], flag_values=values)
  flags.DEFINE_flag(_HelpFlag(values, usage), flag_values=values)
  return values


def parse(values: flags.FlagValues, argv: Sequence[str]) -> None:
  """Parses flags, which also reads a config file; other errors of that file keep their traceback."""
  try:
    rest = values(argv)
  except (AttributeError, KeyError) as error:
    unknown = _unknown_key(error, argv)
    if not unknown:
      raise
    raise unknown from error
  except TypeError as error:
    key = re.match(r"Could not override field '(\w+)'", str(error))
    if not key:
      raise
    raise ConfigError(f"{key[1]}: no flag can set all of it; do so in the experiment's file") from error
  except (flags.Error, OSError) as error:
    lacking = re.findall(r'flag (--\w+)=None: Flag \1 must have a value', str(error))
    said = f'{" and ".join(lacking)} must be given; see --help' if lacking else _in_words(str(error))
    if getattr(error, 'flagname', '').startswith('config.'):
      said += '; keys of a config are set where a run is trained, and in a study by --sweep KEY=VALUE'
    raise ConfigError(said) from error
  if rest[1:]:
    raise ConfigError(f'{rest[1]!r} is no flag; see --help')
  if values['verbosity'].using_default_value:
    # Libraries report every file that they write at the level INFO.
    logging.set_verbosity(logging.ERROR)
    # Orbax logs with a traceback what it then raises.
    logging.get_absl_logger().addFilter(lambda record: 'orbax' not in record.pathname)


_SMALLER = (
  'lower batch_size or the size of the networks, set remat, or set placement to stream; what was saved '
  'last is kept'
)


def _is_out_of_memory(error: Exception) -> bool:
  told = re.search('RESOURCE_EXHAUSTED|out of memory', str(error), re.IGNORECASE)
  return isinstance(error, MemoryError) or told is not None


def _first_sentence(error: Exception) -> str:
  return str(error).strip().partition('\n')[0].partition('. ')[0].rstrip('. ')


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
  """Calls `main(sys.argv)` and exits with the code that it returns, or that its error has."""
  output.protect()
  logging.use_absl_handler()
  try:
    sys.exit(main(sys.argv))
  except ConfigError as error:
    fail(error, BAD_REQUEST)
  except DivergedError as error:
    fail(error, DIVERGED)
  except WriteError as error:
    fail(error, UNWRITTEN)
  except (MemoryError, RuntimeError) as error:
    if not _is_out_of_memory(error):
      raise
    fail(ConfigError(f'out of memory: {_first_sentence(error)}; {_SMALLER}'), BAD_REQUEST)
  except KeyboardInterrupt:
    print('interrupted: what was saved last is kept', file=sys.stderr, flush=True)
    sys.exit(INTERRUPTED)
