"""The metrics of a single run: read from the devices, checked, written and printed."""

import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from gan_jax.common.errors import DivergedError
from gan_jax.common.types import MetricsLine, PyTree
from gan_jax.run.alerts import AlertLog
from gan_jax.run.clock import Clock
from gan_jax.run.finite import not_finite
from gan_jax.run.progress import Progress
from gan_jax.runtime import devices, processes
from gan_jax.storage.checkpoints import CheckpointReader
from gan_jax.storage.metrics_log import Metrics, Sink
from gan_jax.visualization import page

_NO_METRICS = ('step', 'time', 'card')


class RunLog:
  """Writes the lines of a run, and prints them; only the primary process has a file."""

  def __init__(
    self,
    file: Metrics | None,
    alerts: AlertLog,
    progress: Progress,
    images_per_step: int,
    sinks: Sequence[Sink] = (),
  ):
    """Continues a log.

    Args:
      file: metrics.jsonl; None in a process that writes and prints nothing.
      alerts: updated with every line of training.
      progress: prints.
      images_per_step: real examples that a step reads.
      sinks: further places for the lines and pictures; none in a process without a file.
    """
    self._file = file
    self._sinks = [file, *sinks] if file else []
    self._alerts = alerts
    self._progress = progress
    self._images_per_step = images_per_step
    self._clock = Clock(file.time if file else 0.0)

  @property
  def history(self) -> Sequence[MetricsLine]:
    """The lines so far, in the primary process."""
    return self._file.history if self._file else []

  def say(self, text: str) -> None:
    """Prints a line."""
    self._progress.say(text)

  def seconds(self) -> float:
    """Returns the seconds of training so far."""
    return self._clock.seconds(time.perf_counter())

  def reached(self, step: int, started: float, now: float) -> None:
    """Shows the step; the first time it prints the seconds since the program was started."""
    if not self._clock.is_running:
      self.say(f'first step after {now - started:.1f} s, all compilation included')
      self._clock.start(step, now)
    self._progress.at(step)

  def training(self, step: int, now: float, values: Mapping[str, float]) -> bool:
    """Writes the metrics of a step, with its alerts; returns whether there are any."""
    if not self._file:
      return False
    line: MetricsLine = {'step': step, 'time': self._clock.seconds(now), **values}
    alerts = self._alerts.update(line)
    if alerts:
      line['alerts'] = alerts
    rate = self._clock.steps_per_second(step, now)
    if rate is not None:
      line |= {'steps_per_second': rate, 'images_per_second': rate * self._images_per_step}
    _write(self._sinks, line)
    self._progress.logged(line)
    return bool(alerts)

  def evaluation(self, line: MetricsLine) -> None:
    """Writes a line of an evaluation, and prints its metrics."""
    if self._file:
      _write(self._sinks, line)
      metrics = {name: value for name, value in line.items() if name not in _NO_METRICS}
      self._progress.scored(line['step'], metrics)

  def divergence(self, step: int, text: str) -> None:
    """Writes the alert with which a run ends."""
    if self._file:
      alert = {'name': 'divergence', 'text': f'{text}; the run cannot go on'}
      _write(self._sinks, {'step': step, 'time': self.seconds(), 'alerts': [alert]})

  def picture(self, step: int, image: np.ndarray) -> None:
    """Writes the picture of a step, uint8 [height, width, 3]; any thread may call it."""
    for sink in self._sinks:
      sink.picture(step, image)


def _write(sinks: Sequence[Sink], line: MetricsLine) -> None:
  for sink in sinks:
    sink.write(line)


class MetricsReader:
  """Reads the metrics of calls, as `loop.calls` asks for it.

  Attributes:
    alerted: whether training must stop because of an alert; the same in all processes.
  """

  def __init__(
    self,
    log: RunLog,
    started: float,
    is_logged: Callable[[int], bool],
    stops_on_alert: bool,
    check: Callable[[int, Mapping[str, np.ndarray]], None],
  ):
    """Begins without an alert.

    Args:
      log: of the run.
      started: time.perf_counter() when the program was started.
      is_logged: whether the metrics of a step are logged.
      stops_on_alert: whether an alert stops the run.
      check: (steps done, {metric: [steps of a call]}), which raises for metrics that are not finite.
    """
    self._log = log
    self._started = started
    self._is_logged = is_logged
    self._stops_on_alert = stops_on_alert
    self._check = check
    self.alerted = False

  def __call__(self, step: int, metrics: PyTree) -> None:
    """Waits for the metrics of the call that ended at `step`, checks all, and logs the last."""
    values: Any = devices.to_host(metrics)
    self._check(step, values)
    now = time.perf_counter()
    self._log.reached(step, self._started, now)
    if self._is_logged(step):
      has_alerts = self._log.training(step, now, {k: float(v[-1]) for k, v in values.items()})
      if self._stops_on_alert:
        self.alerted |= processes.decided(has_alerts)


class Divergence:
  """Ends a run whose numbers are not finite any more: the log, the page, and the error say so."""

  def __init__(
    self, folder: pathlib.Path, log: RunLog, saved: CheckpointReader, wait: Callable[[], None]
  ):
    """Remembers the folder of the run, its log and checkpoints, and how to `wait` for its pictures."""
    self._folder = folder
    self._log = log
    self._saved = saved
    self._wait = wait

  def end(self, step: int, text: str) -> NoReturn:
    """Raises DivergedError, which names the last good checkpoint."""
    steps = self._saved.steps()
    last = self._saved.path(steps[-1]) if steps else 'none'
    if processes.is_primary():
      self._log.divergence(step, text)
      self._wait()
      page.write(self._folder)
    raise DivergedError(f'step {step}: {text}; last good checkpoint: {last}')

  def check(self, players: Sequence[str], step: int, values: Mapping[str, np.ndarray]) -> None:
    """Ends the run if a metric '<player>/<name>' is not finite; the earliest one is named.

    Among metrics of one step the players' order decides, and a player's loss precedes its others.
    """

    def rank(bad):
      player, name = bad.name.split('/', 1)
      return bad.step, players.index(player), name != 'loss', name

    first = min(not_finite(step, values), key=rank, default=None)
    if first:
      player, name = first.name.split('/', 1)
      self.end(first.step, f'{name} of the {player} is {first.value}')
