"""The processes of a run: joining them, and what they decide together."""

import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import threading
import zlib
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar, cast

import jax
import numpy as np
from jax.experimental import multihost_utils

from gan_jax.common import console, output
from gan_jax.common.errors import ConfigError
from gan_jax.runtime.abort_filter import StderrFilter

T = TypeVar('T')


_JOINING, _ALIVE = 60, 10
"""Seconds in which all must have come, and after which one that is silent is given up."""
_ALONE = '--num_processes=1 trains in this process alone'
_LOST = (
  'error: another process of this run has ended or cannot be reached; start all of them again: '
  'they go on from the last checkpoint'
)


def connect(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
  """Joins this process to the others of a run.

  Without any argument it is one of several where a launcher says so, see `is_launched`; else, or if
  `num_processes` is 1, it is alone.

  Args:
    coordinator: host:port of process 0, the same for all.
    num_processes: how many there are.
    process_id: which one this is, from 0.

  Raises:
    ConfigError: one of the three without the others, or what cannot be.
  """
  given = (coordinator, num_processes, process_id)
  if given == (None, 1, None) or (given == (None,) * 3 and not is_launched()):
    return
  if None in given and given != (None,) * 3:
    raise ConfigError(
      '--coordinator, --num_processes and --process_id go together; give all three, or none where '
      f'Slurm, Open MPI, Kubernetes or Cloud TPU starts the processes; {_ALONE}'
    )
  if coordinator:
    assert num_processes is not None and process_id is not None
    _check(coordinator, num_processes, process_id)
  print(_awaited(coordinator, num_processes, process_id), flush=True)
  native = StderrFilter()
  with _ended_after(_JOINING, coordinator):
    _join(coordinator, num_processes, process_id)
  native.set_message(_LOST)


@contextlib.contextmanager
def _ended_after(seconds: float, coordinator: str | None) -> Generator[None]:
  """Ends this process, with a line that says why, unless the context is left within some seconds.

  JAX's own time limit ends a process without an exception that could be caught.
  """

  def end() -> None:
    output.say(
      f'error: the processes of the run have not found each other in {seconds} seconds (process 0 at '
      f'{coordinator or "the address of its launcher"}); start all of them together, each with its own '
      f'--process_id; {_ALONE}'
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
  """Whether Slurm, Open MPI, Kubernetes or Cloud TPU has started this process as one of several."""
  return bool(_launcher(environment))


def _launcher(environment: Mapping[str, str]) -> str:
  """Returns what says that this process is one of several; '' if nothing does."""
  for name in ('SLURM_STEP_NUM_TASKS', 'OMPI_COMM_WORLD_SIZE'):
    if environment.get(name, '1') != '1':
      return f'{name}={environment[name]}'
  if {'KUBERNETES_SERVICE_HOST', 'JOB_COMPLETION_INDEX'} <= environment.keys():
    return f'JOB_COMPLETION_INDEX={environment["JOB_COMPLETION_INDEX"]}'
  if 'TPU_WORKER_HOSTNAMES' in environment or 'TPU_SKIP_MDS_QUERY' in environment:
    hosts = environment.get('TPU_WORKER_HOSTNAMES', '')
    return f'TPU_WORKER_HOSTNAMES={hosts}' if ',' in hosts else ''
  # A machine of Cloud TPU: JAX asks it how many they are.
  chips = [*pathlib.Path('/dev').glob('accel*'), *pathlib.Path('/dev/vfio').glob('[0-9]*')]
  return 'Cloud TPU' if chips and importlib.util.find_spec('libtpu') is not None else ''


def _awaited(coordinator: str | None, num_processes: int | None, process_id: int | None) -> str:
  """Returns the line that says for whom this process waits."""
  who, whom = f'{_launcher(os.environ)}', 'the other processes of the run'
  if coordinator:
    who, whom = f'process {process_id} of {num_processes}', f'the others, process 0 at {coordinator}'
  return f'{who}: waiting up to {_JOINING} seconds for {whom}; {_ALONE}'


def _check(coordinator: str, num_processes: int, process_id: int) -> None:
  if num_processes < 1:
    raise ConfigError(f'--num_processes is {num_processes}; it must be 1 or more')
  if not 0 <= process_id < num_processes:
    raise ConfigError(f'--process_id is {process_id}; it must be from 0 to {num_processes - 1}')
  host, _, port = coordinator.rpartition(':')
  if not (host and port.isdecimal() and 0 < int(port) < 2**16):
    raise ConfigError(
      f'--coordinator is {coordinator!r}; it must be host:port, the port from 1 to {2**16 - 1}'
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
      shutdown_timeout_seconds=_ALIVE,
    )
  except (RuntimeError, ValueError) as error:
    raise ConfigError(f'the processes cannot be joined: {error}; {_ALONE}') from error


@contextlib.contextmanager
def guarded() -> Generator[None]:
  """Ends this process at once if another one of the run is lost, without a farewell that hangs.

  Checkpoints that are being written are given up, as if this process had been killed too.
  """
  try:
    yield
  except ConfigError:
    raise
  except Exception as error:
    if jax.process_count() == 1 or not _LOSS.search(_chain(error)):
      raise
    output.say(_LOST)
    os._exit(console.LOST)


_LOSS = re.compile('Gloo|NCCL|RCCL|heartbeat|Barrier|coordination|UNAVAILABLE|DEADLINE_EXCEEDED')
"""Words of the errors by which a collective or an agreement fails after the loss of a process.

JAX raises the same types for other failures, with no code that tells them apart, so only the text can.
"""


def _chain(error: BaseException | None) -> str:
  return f'{error} {_chain(error.__cause__ or error.__context__)}' if error else ''


def is_primary() -> bool:
  """Whether this is the one process that writes files and speaks."""
  return jax.process_index() == 0


def together(function: Callable[[], T]) -> T:
  """Calls `function` in every process; what any of them refuses is refused in all.

  Raises:
    ConfigError: its own, or that another process could not go on.
  """
  result = error = None
  try:
    result = function()
  except ConfigError as found:
    error = found
  failed = np.flatnonzero(_gathered(error is not None))
  if error:
    raise error
  if failed.size:
    raise ConfigError(f'process {failed[0]} cannot go on; its own error says why')
  return cast('T', result)


def on_primary(function: Callable[[], T]) -> T | None:
  """Calls `function` in the primary process alone; the others wait for it, and fail if it does."""
  return together(function if is_primary() else lambda: None)


def decided(flag: bool) -> bool:
  """What the primary process says, in all of them."""
  return bool(_gathered(flag)[0])


def unanimous(flag: bool) -> bool:
  """Whether all processes say so, in all of them."""
  return bool(_gathered(flag).all())


def check_agreement(value: Any, what: str) -> None:
  """Raises ConfigError in all processes unless `value` prints the same in all of them."""
  # One bit less, to be an int32 in every process.
  if len(set(_gathered(zlib.crc32(repr(value).encode()) >> 1).tolist())) > 1:
    raise ConfigError(what)


def _gathered(value: int) -> np.ndarray:
  """The values of all processes, in their order."""
  return np.atleast_1d(multihost_utils.process_allgather(np.array(value, np.int32)))


class StopRequest:
  """Notes a SIGTERM, SIGINT or SIGHUP while it is entered, for the loop to end at a step it chooses.

  Several processes agree on the step: a signal to any of them stops all at the same one. A second
  SIGTERM or SIGINT ends the process as if this were not here. A dropped terminal sends SIGHUP more than
  once, so a second one changes nothing. A SIGHUP that the process ignores, as under `nohup`, stays
  ignored.
  """

  def __init__(self):
    self.signal: signal.Signals | None = None
    self._before = {}
    self._passed_on: signal.Signals | None = None

  def __enter__(self) -> 'StopRequest':
    alone = jax.process_count() == 1
    # JAX itself notes the SIGTERM of one process of several.
    numbers = [signal.SIGTERM, signal.SIGINT] if alone else [signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
      numbers.append(signal.SIGHUP)
    for number in numbers:
      self._before[number] = signal.signal(number, self._note if alone else self._pass_on)
    return self

  def __exit__(self, *unused) -> None:
    for number, handler in self._before.items():
      signal.signal(number, handler)

  def _note(self, number: int, unused_frame) -> None:
    self.signal = signal.Signals(number)
    self._expect_second(number)

  def _pass_on(self, number: int, unused_frame) -> None:
    """Turns a signal into SIGTERM, of which JAX tells the other processes."""
    self._passed_on = signal.Signals(number)
    self._expect_second(number)
    os.kill(os.getpid(), signal.SIGTERM)

  def _expect_second(self, number: int) -> None:
    signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else self._before[number])

  def reached(self, call: int) -> bool:
    """Whether to stop after this call; asked after every one, by number, in all processes."""
    if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(call):
      self.signal = self._passed_on or signal.SIGTERM
    return self.signal is not None
