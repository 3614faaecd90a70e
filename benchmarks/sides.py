"""Processes that take turns on a machine: each runs steps when it is asked to, and is stopped else."""

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping

from gan_jax.runtime.environment import SETTING, TUNABLES

TUNED = {TUNABLES: SETTING}
"""The environment in which huge pages are taken, whatever runs."""
_ROOT = pathlib.Path(__file__).parent.parent


class Side:
  """A process that runs steps when it is asked to."""

  def __init__(self, command: list[str], cache: str, seconds: float, more: Mapping[str, str] = TUNED):
    """Starts it, and waits until it has made two steps.

    Args:
      command: what it runs.
      cache: a folder for JAX's compiled programs.
      seconds: of a turn, about.
      more: of its environment.

    Attributes:
      start: how long that took, in seconds.
      operations: of a step; 0 where it does not say.
      memory: resident after its last turn, in megabytes.
    """
    environment = {
      **os.environ,
      **more,
      'JAX_PLATFORMS': 'cpu',
      'JAX_COMPILATION_CACHE_DIR': cache,
      'PYTHONPATH': str(_ROOT),
    }
    pipe, began = subprocess.PIPE, time.perf_counter()
    self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
    greeting = self._process.stdout.readline().split()
    if greeting[:1] != ['ready']:
      raise SystemExit(f'{" ".join(command)} ended before it began')
    self.start = time.perf_counter() - began
    self.memory = 0.0
    self.operations = float(greeting[1])
    self._steps = 1
    # So many steps that a turn lasts as long as it should; the first after a pause is slower.
    self._steps = max(round(seconds / self.seconds()), 3)

  def seconds(self) -> float:
    """Of a step, in the mean of a turn."""
    self._process.send_signal(signal.SIGCONT)
    self._process.stdin.write(f'{self._steps}\n')
    self._process.stdin.flush()
    found, self.memory = map(float, self._process.stdout.readline().split())
    self._process.send_signal(signal.SIGSTOP)
    return found

  def close(self) -> None:
    """Ends the process."""
    self._process.send_signal(signal.SIGCONT)
    self._process.stdin.close()
    self._process.wait()
