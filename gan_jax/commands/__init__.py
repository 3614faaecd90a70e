"""The commands, one file a verb: its flags, and one call.

Importing a command defines no flags, so one process can import all of them.
"""

import importlib
import pkgutil
import sys

from gan_jax import cli
from gan_jax.common import console
from gan_jax.runtime import environment

VERBS = tuple(module.name for module in pkgutil.iter_modules(__path__))
"""The commands."""

_TRAINING = ('study', 'train')
"""Verbs that train, for which `environment.prepare` tunes the process."""


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
  """Runs the command that the first argument names, with the flags that follow."""
  verb = sys.argv[1].replace('-', '_') if len(sys.argv) > 1 else ''
  if verb in ('', '__help', '_h'):
    print(f'usage: python -m gan_jax VERB [flags]; VERB is one of: {", ".join(VERBS)}')
    sys.exit(0 if verb else console.BAD_REQUEST)
  if verb not in VERBS:
    cli.fail(
      f'{sys.argv[1]!r}: unknown command (one of: {", ".join(VERBS)}); see python -m gan_jax --help',
      console.BAD_REQUEST,
    )
  sys.argv = [f'{sys.argv[0]} {sys.argv[1]}', *sys.argv[2:]]
  execute(verb)
