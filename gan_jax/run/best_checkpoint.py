"""The checkpoint with the best value of one metric."""

import contextlib
import pathlib
from collections.abc import Generator, Iterable

from gan_jax.common.types import MetricsLine, Plain
from gan_jax.evaluation import cards, scores
from gan_jax.evaluation import evaluator as evaluation
from gan_jax.runtime import devices, processes
from gan_jax.storage import checkpoints, workdir
from gan_jax.training.state import TrainState


class BestCheckpoint:
  """The checkpoint with the best value of one metric, kept beside the newest."""

  def __init__(self, metric: str, saved: checkpoints.Checkpoints):
    """Prepares to save by a metric, e.g. 'frechet_digits'; see `opened`."""
    self._metric = metric
    self._saved = saved

  def maybe_save(self, history: Iterable[MetricsLine], line: MetricsLine, state: TrainState) -> None:
    """Saves the state if no earlier line has a better value by the same protocol.

    All processes call it together.
    """
    if processes.decided(processes.is_primary() and self._is_best(history, line)):
      self._saved.save(line['step'], devices.local(state))
      self._saved.wait()

  def _is_best(self, history: Iterable[MetricsLine], line: MetricsLine) -> bool:
    protocol = _protocol(line)
    values = [old.get(self._metric) for old in history if 'card' in old and _protocol(old) == protocol]
    value = line[self._metric]
    return value is not None and all(
      old is None or scores.is_better(self._metric, value, old) for old in values
    )


@contextlib.contextmanager
def opened(
  folder: pathlib.Path, config: Plain, metric: str, step: int, spare: int
) -> Generator[BestCheckpoint]:
  """Opens the best checkpoint of a run.

  Args:
    folder: of the run.
    config: identifies the run.
    metric: by which the best state is chosen.
    step: from which the run goes on. Later checkpoints are deleted.
    spare: how many evaluations there can be between two checkpoints of the run. Each of them may be the
      best so far, and a killed run may have to come back to the one before.
  """
  with checkpoints.writable(folder / workdir.BEST, config, keep=1 + spare) as saved:
    processes.on_primary(lambda: saved.discard(after=step))
    saved.reload()
    yield BestCheckpoint(metric, saved)


def _protocol(line: MetricsLine) -> MetricsLine:
  # Derived fields depend on which metrics are computed, and cards of older versions lack them.
  left_out = ('step', *cards.NOT_COMPARED)
  return {k: v for k, v in evaluation.without_place(line['card']).items() if k not in left_out}
