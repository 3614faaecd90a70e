"""Training that ends itself in the middle, as if it were killed at a chosen call.

    PYTHONPATH=tests python -m helpers.crash_at OWNER NAME COUNT BEFORE [flags of train]

Tests use `crash_at`, which returns these arguments of Python.
"""

import os
import pkgutil
import sys
import time
from collections.abc import Callable
from typing import Any

CODE = 9
"""Exit code of a process that crashed here."""

Call = Callable[..., Any]


def nothing(call: Call, *args: Any) -> None:
  """Crashes before the call has any effect."""


def half_a_draft(call: Call, *args: Any) -> None:
  """Writes nine bytes of the draft of a file; its checkpoint, which does not wait, has time to end."""
  path, content = args
  path.with_name(f'.{path.name}.draft').write_bytes(content[:9])
  time.sleep(2)


def the_call(call: Call, *args: Any) -> None:
  """Makes the call: what it started in the background is under way at the crash."""
  call(*args)


_BEFORE = {function.__name__: function for function in (nothing, half_a_draft, the_call)}


def crash_at(owner: str, name: str, count: int, before: Call = nothing) -> tuple[str, ...]:
  """Returns arguments of Python for a `train` command that exits with `CODE` at a call.

  Args:
    owner: module or class of the function, e.g. 'gan_jax.storage.checkpoints:Checkpoints'.
    name: function or method of the owner.
    count: number of the call at which the process ends, from 1.
    before: what happens in that call before the process ends.
  """
  return ('-m', 'helpers.crash_at', owner, name, str(count), before.__name__)


def _install(owner: Any, name: str, count: int, before: Call) -> None:
  """Replaces owner.name by a function that ends the process in its call number `count`."""
  call, calls = getattr(owner, name), 0

  def crash(*args: Any) -> Any:
    nonlocal calls
    calls += 1
    if calls == count:
      before(call, *args)
      os._exit(CODE)
    return call(*args)

  setattr(owner, name, crash)


def main() -> None:
  owner, name, count, before, *flags = sys.argv[1:]
  _install(pkgutil.resolve_name(owner), name, int(count), _BEFORE[before])
  from gan_jax import cli
  from gan_jax.commands import train

  sys.argv[1:] = flags
  cli.run(train.main)


if __name__ == '__main__':
  main()
