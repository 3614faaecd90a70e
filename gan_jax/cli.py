"""The command line: flags, and errors in one line with an exit code for each kind."""

import itertools
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NoReturn

from absl import flags, logging

from gan_jax.common import output
from gan_jax.common.console import BAD_REQUEST, DIVERGED, INTERRUPTED, UNWRITTEN
from gan_jax.common.errors import ConfigError, DivergedError, WriteError
from gan_jax.common.spelling import closest

STARTED = time.perf_counter()
"""When the program started, in seconds of `time.perf_counter`."""

EXPERIMENT_HELP = 'The experiment: NAME[:preset], see gan-jax list, or FILE[:preset].'
"""The help of flags that name an experiment."""

_INTERRUPTED = 'interrupted: the last saved state is intact'


def end_on_interrupt() -> None:
  """Makes Ctrl-C end the process, also inside a callback of JAX, where KeyboardInterrupt is lost."""

  def end(unused_number, unused_frame) -> None:
    output.say(_INTERRUPTED)
    os._exit(INTERRUPTED)

  signal.signal(signal.SIGINT, end)


def fail(error: Exception | str, code: int) -> NoReturn:
  """Prints an error in one line, and exits with `code`."""
  text = ' '.join(str(error).split())
  if isinstance(error, Exception) and error.__cause__ and logging.level_info():
    traceback.print_exception(error)
  print(f'error: {text}', file=sys.stderr, flush=True)
  sys.exit(code)


class _HelpFlag(flags.BooleanFlag):
  """Prints the flags of a command, and exits."""

  def __init__(self, values: flags.FlagValues, usage: str):
    super().__init__('help', False, 'Shows this help.', short_name='h', allow_hide_cpp=True)
    self._values = values
    self._usage = usage

  def parse(self, argument: bool | str) -> None:
    """Parses the flag as absl does."""
    if self._parse(argument):
      print(f'{self._usage}\n\n{self._values.get_help()}')
      sys.exit(0)


def new_flags(usage: str) -> flags.FlagValues:
  """Returns flags for one command: those of absl's logging, and --help, which begins with `usage`."""
  values = flags.FlagValues()
  for name in ('verbosity', 'logtostderr', 'alsologtostderr'):
    flags.DEFINE_flag(flags.FLAGS[name], flag_values=values)
  flags.DEFINE_flag(_HelpFlag(values, usage), flag_values=values)
  return values


def define_config_flag(values: flags.FlagValues) -> None:
  """Defines --config, which names an experiment, and --config.KEY=VALUE, which changes its config."""
  # Imported lazily: a process that trains is replaced once before it parses flags.
  from ml_collections import config_flags

  from gan_jax.config import overrides

  config_flags.DEFINE_config_file('config', None, EXPERIMENT_HELP, flag_values=values)
  values['config'].parser = overrides.ExperimentParser('config')


def define_checkpoint_flags(values: flags.FlagValues) -> None:
  """Defines --workdir and --step, which name a checkpoint of a run."""
  flags.DEFINE_string('workdir', None, 'Folder of the run.', flag_values=values)
  flags.DEFINE_string(
    'step', None, "Checkpoint: a step or 'best' (default: newest).", flag_values=values
  )


def define_sampling_flags(
  values: flags.FlagValues, num: int | None, about_num: str = 'Number of samples.'
) -> None:
  """Defines --num, --seed and --ema, which say what to sample; `num` is the default number."""
  flags.DEFINE_integer('num', num, about_num, flag_values=values)
  flags.DEFINE_integer(
    'seed', 0, 'Seed of the latents; sample i depends only on the seed and i.', flag_values=values
  )
  define_ema_flag(values)


def define_ema_flag(values: flags.FlagValues) -> None:
  """Defines --ema, which says whether averaged or raw weights are used."""
  flags.DEFINE_boolean(
    'ema', None, 'Averaged or raw weights (default: averaged, if available).', flag_values=values
  )


def define_truncation_flag(values: flags.FlagValues) -> None:
  """Defines --truncation, which bounds the latents of samples."""
  flags.DEFINE_float(
    'truncation',
    None,
    'Largest absolute value of normal latents, in standard deviations, e.g. 0.5 (default: no bound).',
    flag_values=values,
  )


def define_extend_flag(values: flags.FlagValues) -> None:
  """Defines --extend, which `parse` carries out before it reads a config."""
  flags.DEFINE_multi_string(
    'extend',
    [],
    'A package of yours, whose losses, games, networks and other parts the config may name; repeat for '
    'more.',
    flag_values=values,
  )


def _extend(packages: Sequence[str]) -> None:
  """Extends gan_jax with packages that are installed, or lie in the current folder."""
  if not packages:
    return
  # Imported lazily, as the modules of the other layers are: it imports JAX.
  from gan_jax.api.extension import extend

  if os.getcwd() not in sys.path:
    # Last, so that a file in the folder replaces no installed package.
    sys.path.append(os.getcwd())
  for package in packages:
    extend(package)


def parse(values: flags.FlagValues, argv: Sequence[str], required: Sequence[str] = ()) -> None:
  """Parses the flags of a command. A flag whose value is a config file reads that file.

  Args:
    values: the flags of the command, from `new_flags`.
    argv: the name of the program, and its arguments.
    required: the names of the flags that must be given.

  Raises:
    ConfigError: a missing, unknown, or bad flag. Errors of the code in a config file pass unchanged.
  """
  try:
    arguments = values.read_flags_from_files(argv[1:], force_gnu=False)
  except flags.Error as error:
    raise ConfigError(str(error)) from error
  given = list(_given(arguments))
  if 'extend' in values:
    _extend([text or following or '' for name, text, following in given if name == 'extend'])
  try:
    _check_values(values, given)
    rest = values([argv[0], *arguments])
  except flags.UnrecognizedFlagError as error:
    if _is_override(error.flagname, values):
      _check_required(values, required)
    raise ConfigError(_unknown(error.flagname, values)) from error
  except flags.Error as error:
    raise ConfigError(str(error)) from error
  if rest[1:]:
    raise ConfigError(f'{rest[1]!r}: unexpected argument (flags only); {_as_flag(rest[1], values)}')
  _check_required(values, required)
  if values['verbosity'].using_default_value:
    # Libraries report every file that they write at the level INFO.
    logging.set_verbosity(logging.ERROR)
    # Orbax logs a traceback of every error that it raises.
    logging.get_absl_logger().addFilter(lambda record: 'orbax' not in record.pathname)


def _given(arguments: Sequence[str]) -> Iterator[tuple[str, str | None, str | None]]:
  """Yields each flag as (name, text after '=', next argument); None for a missing text."""
  for argument, following in itertools.zip_longest(arguments, arguments[1:]):
    if argument == '--':
      return
    if argument.startswith('-'):
      name, equals, text = argument.lstrip('-').partition('=')
      yield name, text if equals else None, following


def _check_values(
  values: flags.FlagValues, given: Sequence[tuple[str, str | None, str | None]]
) -> None:
  """Raises ConfigError unless the texts of flags have the kinds of their flags.

  This precedes the parsing by absl and ml_collections, whose errors are only texts.
  """
  # Imported lazily: a process that trains is replaced once before it parses flags.
  from gan_jax.config import overrides

  configs: dict[str, Any] = {}
  for name, text, following in given:
    group, dot, _ = name.partition('.')
    if dot and group.removeprefix('no') in configs:
      name = name.removeprefix('no') if group not in configs else name
      overrides.check(configs[name.partition('.')[0]], name, text, following)
    elif name in values:
      flag = values[name]
      text = following if text is None and not flag.boolean else text
      if text is not None and overrides.is_config_file(flag):
        configs[name] = flag.parser.parse(text)
      elif text is not None and flag.parser.flag_type() in _WORDS:
        overrides.check_kind(name, text, _WORDS[flag.parser.flag_type()], flag.parser)


_WORDS = {'int': 'a whole number', 'float': 'a number', 'bool': 'True or False'}
"""{type of a flag in absl: the kind of its values in words}."""


def _check_required(values: flags.FlagValues, required: Sequence[str]) -> None:
  missing = [f'--{name}' for name in required if values[name].value is None]
  if missing:
    raise ConfigError(f'{" and ".join(missing)} must be given; see --help')


def _is_override(name: str, values: flags.FlagValues) -> bool:
  return name.partition('.')[0] in values


def _unknown(name: str, values: flags.FlagValues) -> str:
  """Returns the error of a flag that a command does not have."""
  if _is_override(name, values):
    return (
      f'--{name}: unknown flag (keys of a config are set where a run is trained); in a study, use '
      '--sweep KEY=VALUE'
    )
  close = closest(name, values)
  if not close and name in _keys_of_config(values):
    close = f'config.{name}'
  remedy = f'did you mean --{close}?' if close else 'see --help'
  return f'--{name}: unknown flag; {remedy}'


def _as_flag(argument: str, values: flags.FlagValues) -> str:
  """Returns the remedy for an argument that is not a flag."""
  name = next((name for name in _OFTEN_UNNAMED if name in values), None)
  return f'did you mean --{name}={argument}?' if name else 'see --help'


_OFTEN_UNNAMED = ('config', 'workdir')
"""The flags whose values users most often give without a name."""


def _keys_of_config(values: flags.FlagValues) -> Collection[str]:
  """Returns the keys that --config.KEY=VALUE can set; none for a command that takes no config."""
  # Imported lazily: a process that trains is replaced once before it parses flags.
  from gan_jax.config import overrides, schema

  if 'config' in values and overrides.is_config_file(values['config']):
    return schema.default().keys()
  return ()


_SMALLER = (
  'lower batch_size or the size of the networks, set remat, or set placement to stream; the last '
  'checkpoint is kept'
)


def _is_out_of_memory(error: Exception) -> bool:
  # XLA has no exception type for it, and no status code but in the text.
  text = str(error).lower()
  return isinstance(error, MemoryError) or 'resource_exhausted' in text or 'out of memory' in text


def _first_sentence(error: Exception) -> str:
  return str(error).strip().partition('\n')[0].partition('. ')[0].rstrip('. ')


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
  """Calls `main(sys.argv)` and exits with the code that it returns, or with that of its error."""
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
    print(_INTERRUPTED, file=sys.stderr, flush=True)
    sys.exit(INTERRUPTED)
