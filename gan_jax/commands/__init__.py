"""The commands, one file a verb: its flags, and one call.

Importing a command defines no flags, so one process can import all of them.
"""

import importlib
import pathlib
import pkgutil
import sys

from gan_jax import cli
from gan_jax.common import console, docstrings
from gan_jax.common.spelling import closest
from gan_jax.runtime import environment

VERBS = tuple(module.name for module in pkgutil.iter_modules(__path__))
"""The commands."""

_TRAINING = ('study', 'train')
"""Verbs that train, for which `environment.prepare` tunes the process."""

_HELP = ('--help', '-h', 'help')
_VERSION = ('--version', 'version')


def execute(verb: str) -> None:
  """Runs a command with the flags in `sys.argv`, and exits.

  Args:
    verb: one of `VERBS`. Its module is imported once the process is prepared.
  """
  if verb in _TRAINING:
    environment.prepare()
    cli.end_on_interrupt()
  cli.run(importlib.import_module(f'gan_jax.commands.{verb}').main)


def dispatch() -> None:
  """Runs the command that the first argument names, with the flags that follow; `gan-jax` calls it."""
  given = sys.argv[1] if len(sys.argv) > 1 else ''
  if not given or given in _HELP:
    print(_usage())
    sys.exit(0 if given else console.BAD_REQUEST)
  if given in _VERSION:
    print(f'gan_jax {_version()}')
    sys.exit(0)
  verb = given.replace('-', '_')
  if verb not in VERBS:
    close = closest(verb, VERBS)
    remedy = f'did you mean {close!r}?' if close else 'see gan-jax --help'
    cli.fail(
      f'{given!r}: unknown command (one of: {", ".join(VERBS)}); {remedy}',
      console.BAD_REQUEST,
    )
  sys.argv = [f'{sys.argv[0]} {given}', *sys.argv[2:]]
  execute(verb)


def _usage() -> str:
  """Returns the help, with a line for each command from the docstring of its file."""
  folder, width = pathlib.Path(__file__).parent, max(map(len, VERBS))
  lines = [f'  {verb:{width}}  {_purpose(folder / f"{verb}.py")}' for verb in VERBS]
  return '\n'.join(
    [
      'usage: gan-jax VERB [flags], or python -m gan_jax VERB [flags]',
      '',
      *lines,
      '',
      'gan-jax VERB --help lists the flags of a command. gan-jax --version prints the version.',
    ]
  )


def _purpose(file: pathlib.Path) -> str:
  return docstrings.title(file).partition(': ')[0].rstrip('.')


def _version() -> str:
  # Imported lazily: the package has no version before it is installed.
  from gan_jax import __version__

  return __version__
