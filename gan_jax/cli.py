"""What all commands share: flags, and errors of one line with an exit code that says their kind."""

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import app, flags, logging

from gan_jax import output
from gan_jax.errors import ConfigError, DivergedError, WriteError

BAD_REQUEST, DIVERGED, ALERTED, LOST, UNWRITTEN, INTERRUPTED = 2, 3, 4, 5, 6, 130


def warn(text: str) -> None:
  """Tells of something that a person should know and that stops nothing."""
  print(f'warning: {text}', file=sys.stderr, flush=True)


def end_on_interrupt() -> None:
  """Makes Ctrl-C end the process: what Python raises for it is lost inside a callback of JAX."""

  def end(unused_number, unused_frame) -> None:
    output.say('interrupted: what was saved last is kept')
    os._exit(INTERRUPTED)

  signal.signal(signal.SIGINT, end)


def _fail(error: Exception, code: int) -> NoReturn:
  text = ' '.join(str(error).split())
  if error.__cause__ and logging.level_info():
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


def _parse(argv: Sequence[str]) -> list[str]:
  """Parses flags, which also reads the config file; what else that raises keeps its traceback."""
  try:
    rest = flags.FLAGS(argv)
  except (AttributeError, KeyError) as error:
    unknown = _unknown_key(error, argv)
    if not unknown:
      raise
    _fail(unknown, BAD_REQUEST)
  except TypeError as error:
    key = re.match(r"Could not override field '(\w+)'", str(error))
    if not key:
      raise
    _fail(
      ConfigError(f"{key[1]}: no flag can set all of it; do so in the experiment's file"), BAD_REQUEST
    )
  except (ConfigError, flags.Error, OSError) as error:
    lacking = re.findall(r'flag (--\w+)=None: Flag \1 must have a value', str(error))
    said = f'{" and ".join(lacking)} must be given; see --help' if lacking else _in_words(str(error))
    if getattr(error, 'flagname', '').startswith('config.'):
      said += '; keys of a config are set where a run is trained, and in a study by --sweep KEY=VALUE'
    _fail(error if said == str(error) else ConfigError(said), BAD_REQUEST)
  if rest[1:]:
    _fail(ConfigError(f'{rest[1]!r} is no flag; see --help'), BAD_REQUEST)
  if flags.FLAGS['verbosity'].using_default_value:
    # Else app.run would choose INFO, at which libraries tell of every file that they write.
    logging.set_verbosity(logging.ERROR)
    # Orbax logs with a traceback what it then raises.
    logging.get_absl_logger().addFilter(lambda record: 'orbax' not in record.pathname)
  return rest


_SMALLER = (
  'lower batch_size or the size of the networks, set remat, or set placement to stream; what was saved '
  'last is kept'
)


def _is_out_of_memory(error: Exception) -> bool:
  told = re.search('RESOURCE_EXHAUSTED|out of memory', str(error), re.IGNORECASE)
  return isinstance(error, MemoryError) or told is not None


def _first_sentence(error: Exception) -> str:
  return str(error).strip().partition('\n')[0].partition('. ')[0].rstrip('. ')


def run(main: Callable[[], int]) -> None:
  """Parses the flags, calls `main` and exits with the code that it returns, or that its error has."""
  output.protect()

  def guarded(unused_argv: Sequence[str]) -> None:
    try:
      sys.exit(main())
    except ConfigError as error:
      _fail(error, BAD_REQUEST)
    except DivergedError as error:
      _fail(error, DIVERGED)
    except WriteError as error:
      _fail(error, UNWRITTEN)
    except (MemoryError, RuntimeError) as error:
      if not _is_out_of_memory(error):
        raise
      _fail(ConfigError(f'out of memory: {_first_sentence(error)}; {_SMALLER}'), BAD_REQUEST)
    except KeyboardInterrupt:
      print('interrupted: what was saved last is kept', file=sys.stderr, flush=True)
      sys.exit(INTERRUPTED)

  app.run(guarded, flags_parser=_parse)
