"""Processes that alternate on a machine: each runs steps on request, and is paused otherwise."""

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping

from gan_jax.runtime.environment import SETTING, TUNABLES

TUNED = {TUNABLES: SETTING}
"""The environment that enables huge pages."""
_ROOT = pathlib.Path(__file__).parent.parent


class Side:
  """A process that runs steps on request."""

  def __init__(
    self, command: list[str], cache: str, seconds: float, variables: Mapping[str, str] = TUNED
  ):
    """Starts the process, and waits until it has run two steps.

    Args:
      command: command of the process.
      cache: folder of JAX's compilation cache.
      seconds: approximate length of a turn.
      variables: further environment variables.

    Attributes:
      start: seconds that the start took.
      operations: operations per step; 0 if unknown.
      memory: resident memory after its last turn, in megabytes.
    """
    environment = {
      **os.environ,
      **variables,
      'JAX_PLATFORMS': 'cpu',
      'JAX_COMPILATION_CACHE_DIR': cache,
      'PYTHONPATH': str(_ROOT),
    }
    pipe, start = subprocess.PIPE, time.perf_counter()
    self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
    greeting = self._process.stdout.readline().split()
    if greeting[:1] != ['ready']:
      raise SystemExit(f'{" ".join(command)} ended before its first step')
    self.start = time.perf_counter() - start
    self.memory = 0.0
    self.operations = float(greeting[1])
    self._steps = 1
    # The number of steps gives a turn its length. The first step after a pause is slower.
    self._steps = max(round(seconds / self.seconds()), 3)

  def seconds(self) -> float:
    """Returns the seconds per step, averaged over a turn."""
    self._process.send_signal(signal.SIGCONT)
    self._process.stdin.write(f'{self._steps}\n')
    self._process.stdin.flush()
    seconds, self.memory = map(float, self._process.stdout.readline().split())
    self._process.send_signal(signal.SIGSTOP)
    return seconds

  def close(self) -> None:
    """Ends the process."""
    self._process.send_signal(signal.SIGCONT)
    self._process.stdin.close()
    self._process.wait()
