"""The checkpoint with the best value of one metric."""

from collections.abc import Iterable

from gan_jax.common.types import MetricsLine
from gan_jax.evaluation import cards, scores
from gan_jax.runtime import devices, processes
from gan_jax.storage import checkpoints
from gan_jax.training.state import TrainState


class BestCheckpoint:
  """The checkpoint with the best value of one metric, kept beside the newest."""

  def __init__(self, metric: str, saved: checkpoints.Checkpoints):
    """Prepares to save by a metric, e.g. 'frechet_digits'; see `resumed`."""
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


def resumed(saved: checkpoints.Checkpoints, metric: str, step: int) -> BestCheckpoint:
  """Returns the best checkpoint of a run that resumes from `step`; all processes call it together.

  Args:
    saved: the checkpoints in the folder of the best one. Those after `step` are deleted. They must keep
      one more than there can be evaluations between two checkpoints of the run. Each of them may be the
      best so far, and a killed run may have to come back to the one before.
    metric: by which the best state is chosen.
    step: of the run.
  """
  processes.on_primary(lambda: saved.discard(after=step))
  saved.reload()
  return BestCheckpoint(metric, saved)


def _protocol(line: MetricsLine) -> MetricsLine:
  # Derived fields depend on which metrics are computed, and cards of older versions lack them.
  left_out = ('step', *cards.NOT_COMPARED)
  return {k: v for k, v in cards.without_place(line['card']).items() if k not in left_out}
