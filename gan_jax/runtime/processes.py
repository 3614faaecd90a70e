"""The processes of a run: how they join, and how they make decisions together."""

import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import threading
import zlib
from collections.abc import Callable, Generator, Mapping
from types import FrameType
from typing import Any, TypeVar, cast

import jax
import numpy as np
from jax.experimental import multihost_utils

from gan_jax.common import console, output
from gan_jax.common.errors import ConfigError
from gan_jax.runtime.abort_filter import StderrFilter

T = TypeVar('T')

_JOINING = 60
"""Seconds within which all processes must join."""

_ALIVE = 10
"""Seconds after which a silent process counts as lost."""

# JAX 0.8.0 and older wait at an end for five minutes.
_SHUTDOWN: dict[str, Any] = (
  {'shutdown_timeout_seconds': _ALIVE} if jax.__version_info__ >= (0, 8, 1) else {}
)

_ALONE = '--num_processes=1 trains in this process alone'
_LOST = (
  'error: another process of this run has ended or cannot be reached; start all of them again: '
  'they continue from the last checkpoint'
)


def connect(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
  """Joins this process to the other processes of a run.

  Without arguments, a launcher determines whether the run has several processes, see `is_launched`.
  Without a launcher, or if `num_processes` is 1, this process runs alone.

  Args:
    coordinator: host:port of process 0, the same for all processes.
    num_processes: the number of processes.
    process_id: the index of this process, from 0.

  Raises:
    ConfigError: one of the three is given without the others, or a value is out of range.
  """
  arguments = (coordinator, num_processes, process_id)
  if arguments == (None, 1, None) or (arguments == (None,) * 3 and not is_launched()):
    return
  if None in arguments and arguments != (None,) * 3:
    raise ConfigError(
      '--coordinator, --num_processes, --process_id: they go together; give all three, or none if '
      f'Slurm, Open MPI, Kubernetes, or Cloud TPU starts the processes; {_ALONE}'
    )
  if coordinator:
    assert num_processes is not None and process_id is not None
    _check(coordinator, num_processes, process_id)
  print(_waiting_line(coordinator, num_processes, process_id), flush=True)
  stderr_filter = StderrFilter()
  with _exit_after(_JOINING, coordinator):
    _join(coordinator, num_processes, process_id)
  stderr_filter.set_message(_LOST)


@contextlib.contextmanager
def _exit_after(seconds: float, coordinator: str | None) -> Generator[None]:
  """Ends this process, with an error in one line, unless the context is left within some seconds.

  JAX's time limit ends a process without an exception that Python could catch.
  """

  def end() -> None:
    output.say(
      f'error: the processes of the run have not connected within {seconds} seconds (process 0 at '
      f'{coordinator or "the address of its launcher"}); start all of them together, each with a '
      f'different --process_id; {_ALONE}'
    )
    os._exit(console.BAD_REQUEST)

  timer = threading.Timer(seconds, end)
  timer.daemon = True
  timer.start()
  try:
    yield
  finally:
    timer.cancel()


def is_launched(environment: Mapping[str, str] = os.environ) -> bool:
  """Returns whether Slurm, Open MPI, Kubernetes, or Cloud TPU has started several processes."""
  return bool(_launcher(environment))


def _launcher(environment: Mapping[str, str]) -> str:
  """Returns the setting of a launcher of several processes; '' without a launcher."""
  for name in ('SLURM_STEP_NUM_TASKS', 'OMPI_COMM_WORLD_SIZE'):
    if environment.get(name, '1') != '1':
      return f'{name}={environment[name]}'
  if {'KUBERNETES_SERVICE_HOST', 'JOB_COMPLETION_INDEX'} <= environment.keys():
    return f'JOB_COMPLETION_INDEX={environment["JOB_COMPLETION_INDEX"]}'
  if 'TPU_WORKER_HOSTNAMES' in environment or 'TPU_SKIP_MDS_QUERY' in environment:
    hosts = environment.get('TPU_WORKER_HOSTNAMES', '')
    return f'TPU_WORKER_HOSTNAMES={hosts}' if ',' in hosts else ''
  # On a Cloud TPU machine, JAX asks the machine for the number of processes.
  chips = [*pathlib.Path('/dev').glob('accel*'), *pathlib.Path('/dev/vfio').glob('[0-9]*')]
  return 'Cloud TPU' if chips and importlib.util.find_spec('libtpu') is not None else ''


def _waiting_line(coordinator: str | None, num_processes: int | None, process_id: int | None) -> str:
  """Returns the line that names the processes that this process waits for."""
  this, others = _launcher(os.environ), 'the other processes of the run'
  if coordinator:
    this = f'process {process_id} of {num_processes}'
    others = f'the others, process 0 at {coordinator}'
  return f'{this}: waiting up to {_JOINING} seconds for {others}; {_ALONE}'


def _check(coordinator: str, num_processes: int, process_id: int) -> None:
  if num_processes < 1:
    raise ConfigError(
      f'--num_processes={num_processes}: out of range (at least 1); change --num_processes'
    )
  if not 0 <= process_id < num_processes:
    raise ConfigError(
      f'--process_id={process_id}: out of range (0 to {num_processes - 1}); change --process_id'
    )
  host, _, port = coordinator.rpartition(':')
  if not (host and port.isdecimal() and 0 < int(port) < 2**16):
    raise ConfigError(
      f'--coordinator={coordinator}: not an address (HOST:PORT, the port from 1 to {2**16 - 1}); '
      'change --coordinator'
    )


def _join(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
  jax.config.update('jax_cpu_collectives_implementation', 'gloo')
  try:
    jax.distributed.initialize(
      coordinator,
      num_processes,
      process_id,
      initialization_timeout=2 * _JOINING,
      heartbeat_timeout_seconds=_ALIVE,
      **_SHUTDOWN,
    )
  except (RuntimeError, ValueError) as error:
    raise ConfigError(f'--coordinator: the processes cannot connect: {error}; {_ALONE}') from error


@contextlib.contextmanager
def guarded() -> Generator[None]:
  """Ends this process immediately if another process of the run is lost.

  A regular exit would wait for the lost process. Checkpoints that are being written are abandoned, as
  if this process had been killed too.
  """
  try:
    yield
  except ConfigError:
    raise
  except Exception as error:
    if jax.process_count() == 1 or not _CONNECTION_LOST.search(_chain(error)):
      raise
    output.say(_LOST)
    os._exit(console.LOST)


_CONNECTION_LOST = re.compile(
  'Gloo|NCCL|RCCL|heartbeat|Barrier|coordination|UNAVAILABLE|DEADLINE_EXCEEDED'
)
"""Texts in the errors that JAX raises when a collective fails because a process has ended."""


def _chain(error: BaseException | None) -> str:
  return f'{error} {_chain(error.__cause__ or error.__context__)}' if error else ''


def is_primary() -> bool:
  """Returns whether this is the only process that writes files and prints."""
  return jax.process_index() == 0


def together(function: Callable[[], T]) -> T:
  """Calls `function` in every process; if it raises ConfigError in one, all processes raise.

  Raises:
    ConfigError: the error of this process, or a reference to another process that failed.
  """
  result = error = None
  try:
    result = function()
  except ConfigError as raised:
    error = raised
  failed = np.flatnonzero(_gathered(error is not None))
  if error:
    raise error
  if failed.size:
    raise ConfigError(f'process {failed[0]} cannot continue; see its error')
  return cast('T', result)


def on_primary(function: Callable[[], T]) -> T | None:
  """Calls `function` only in the primary process; the others wait, and fail if it fails."""
  return together(function if is_primary() else lambda: None)


def decided(flag: bool) -> bool:
  """Returns the flag of the primary process, in all processes."""
  return bool(_gathered(flag)[0])


def unanimous(flag: bool) -> bool:
  """Returns whether the flag is set in all processes, in all processes."""
  return bool(_gathered(flag).all())


def check_agreement(value: Any, message: str) -> None:
  """Raises ConfigError, with the message, in all processes unless all have the same `repr(value)`."""
  # Shifted by one bit, so that it fits into an int32.
  if len(set(_gathered(zlib.crc32(repr(value).encode()) >> 1).tolist())) > 1:
    raise ConfigError(message)


def _gathered(value: int) -> np.ndarray:
  """Returns the values of all processes, in the order of the processes."""
  return np.atleast_1d(multihost_utils.process_allgather(np.array(value, np.int32)))


class StopRequest:
  """Records a SIGTERM, SIGINT, or SIGHUP inside the context, so that the loop can stop after a call.

  Several processes agree on the call: a signal to any of them stops all after the same one. A second
  SIGTERM or SIGINT has its usual effect. A dropped terminal sends SIGHUP more than once, so a second
  SIGHUP changes nothing. If the process ignores SIGHUP, as under `nohup`, it stays ignored.

  The context may be entered again after it is left. In a thread other than the main one, where Python
  allows no signal handlers, it records nothing.
  """

  def __init__(self):
    self.signal: signal.Signals | None = None
    self._before = {}
    self._passed_on: signal.Signals | None = None

  def __enter__(self) -> 'StopRequest':
    self._before.clear()
    if threading.current_thread() is not threading.main_thread():
      return self
    is_alone = jax.process_count() == 1
    numbers = [signal.SIGINT]
    # In a run of several processes, JAX itself handles SIGTERM.
    if is_alone:
      numbers.insert(0, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
      numbers.append(signal.SIGHUP)
    for number in numbers:
      self._before[number] = signal.signal(number, self._note if is_alone else self._pass_on)
    return self

  def __exit__(self, *unused: object) -> None:
    for number, handler in self._before.items():
      signal.signal(number, handler)

  def _note(self, number: int, unused_frame: FrameType | None) -> None:
    self.signal = signal.Signals(number)
    self._expect_second(number)

  def _pass_on(self, number: int, unused_frame: FrameType | None) -> None:
    """Sends SIGTERM to this process, which JAX then announces to the other processes."""
    self._passed_on = signal.Signals(number)
    self._expect_second(number)
    os.kill(os.getpid(), signal.SIGTERM)

  def _expect_second(self, number: int) -> None:
    signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else self._before[number])

  def reached(self, call: int) -> bool:
    """Returns whether to stop after this call; to be called after every call, in all processes."""
    if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(call):
      self.signal = self._passed_on or signal.SIGTERM
    return self.signal is not None
