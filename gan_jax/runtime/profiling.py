"""Traces some steps of a run with JAX's profiler: --profile=STEP,COUNT."""

import math
import pathlib
import re
from typing import Any

import jax

from gan_jax.common.errors import ConfigError
from gan_jax.runtime import processes

FOLDER = 'profile'
"""Subfolder of a run with its traces."""


class Window:
  """The steps that are traced.

  Tracing starts before the first call after `first` steps, and ends after the call that completes
  `count` further steps. Both ends wait for the devices, so a trace contains complete calls. Other calls
  are not slowed down.
  """

  def __init__(self, first: float, count: int, folder: pathlib.Path):
    """Stores the limits; tracing does not start yet.

    Args:
      first: the number of steps before the trace.
      count: the number of traced steps.
      folder: the folder of the run.
    """
    self._first = first
    self._count = count
    self._folder = folder / FOLDER
    self._end: int | None = None
    self._done = False

  def before(self, step: int, state: Any) -> None:
    """Starts the trace if it is due. Called before each call, with its first step and its state."""
    if self._done or self._end is not None or step < self._first:
      return
    jax.block_until_ready(state)
    self._end = step + self._count
    options = jax.profiler.ProfileOptions()
    # Events for every Python function call would slow down the steps and clutter the trace.
    options.python_tracer_level = 0
    jax.profiler.start_trace(str(self._folder), create_perfetto_trace=True, profiler_options=options)

  def after(self, step: int, state: Any) -> None:
    """Ends the trace if it is complete. Called after each call, with the steps done and the state."""
    if self._end is not None and step >= self._end:
      jax.block_until_ready(state)
      self.close()

  def close(self) -> None:
    """Ends a running trace, even if it is incomplete because the run ends."""
    if self._end is not None:
      jax.profiler.stop_trace()
      self._end = None
      self._done = True
      if processes.is_primary():
        print(f'profile: traced into {self._folder}', flush=True)


def window(text: str | None, folder: pathlib.Path, last: int) -> Window:
  """Returns the window that a flag 'STEP,COUNT' asks for; without one no step is traced.

  Args:
    text: the flag, or None.
    folder: of the run.
    last: steps done before the last call of the run.

  Raises:
    ConfigError: the flag is not two whole numbers, COUNT is 0, or the run has no call after STEP.
  """
  if text is None:
    return Window(math.inf, 0, folder)
  match = re.fullmatch(r'(\d+),([1-9]\d*)', text)
  if not match:
    raise ConfigError(
      f'--profile={text}: not of the form STEP,COUNT (the step after which tracing starts, and the '
      'number of steps); write for example 100,20'
    )
  first = int(match[1])
  if first > last:
    raise ConfigError(
      f'--profile={text}: the last call of the run begins after {last} steps; write {last} or less'
    )
  return Window(first, int(match[2]), folder)
