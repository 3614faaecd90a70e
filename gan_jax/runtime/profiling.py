"""A trace of some steps of a run, by JAX's profiler: --profile=STEP,COUNT."""

import math
import pathlib
import re
from typing import Any

import jax

from gan_jax.common.errors import ConfigError
from gan_jax.runtime import processes

FOLDER = 'profile'
"""Of a run's folder, where its traces are."""


class Window:
  """The steps that are traced.

  Tracing begins with the first call after `first` steps and ends with the call in which `count` more
  are done. Both ends wait for the devices, so a trace shows whole calls, and nothing else of a run is
  slower for it.
  """

  def __init__(self, first: float, count: int, folder: pathlib.Path):
    """Prepares; nothing is traced yet.

    Args:
      first: steps done before the trace begins.
      count: steps in it.
      folder: of the run.
    """
    self._first, self._count, self._folder = first, count, folder / FOLDER
    self._end: int | None = None
    self._done = False

  def before(self, step: int, state: Any) -> None:
    """Called before each call, with the steps done so far and the state that it begins from."""
    if self._done or self._end is not None or step < self._first:
      return
    jax.block_until_ready(state)
    self._end = step + self._count
    options = jax.profiler.ProfileOptions()
    # Else every call of a Python function is an event, which slows what is measured and hides it.
    options.python_tracer_level = 0
    jax.profiler.start_trace(str(self._folder), create_perfetto_trace=True, profiler_options=options)

  def after(self, step: int, state: Any) -> None:
    """Called after each call, with the steps done then."""
    if self._end is not None and step >= self._end:
      jax.block_until_ready(state)
      self.close()

  def close(self) -> None:
    """Ends a trace that has begun, also of a run that ends before it."""
    if self._end is not None:
      jax.profiler.stop_trace()
      self._end, self._done = None, True
      if processes.is_primary():
        print(f'profile: traced into {self._folder}', flush=True)


def window(text: str | None, folder: pathlib.Path, last: int) -> Window:
  """Returns the window that a flag 'STEP,COUNT' asks for; without one no step is traced.

  Args:
    text: the flag, or None.
    folder: of the run.
    last: steps done before the last call of the run.

  Raises:
    ConfigError: it is not two whole numbers, the second at least 1, or the run has no call after STEP.
  """
  if text is None:
    return Window(math.inf, 0, folder)
  found = re.fullmatch(r'(\d+),([1-9]\d*)', text)
  if not found:
    raise ConfigError(
      f'--profile is {text!r}; write it as STEP,COUNT: after which step tracing begins, and how many '
      'steps it takes, as 100,20'
    )
  first = int(found[1])
  if first > last:
    raise ConfigError(
      f'--profile is {text!r}, but the last call of the run begins after {last} steps; write {last} or '
      'less'
    )
  return Window(first, int(found[2]), folder)
