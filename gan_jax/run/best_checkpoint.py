"""The checkpoint with the best value of one metric."""

import pathlib
from collections.abc import Iterable

from gan_jax.common.types import MetricsLine, Plain
from gan_jax.evaluation import cards, scores
from gan_jax.evaluation import evaluator as evaluation
from gan_jax.runtime import devices, processes
from gan_jax.storage import checkpoints, workdir
from gan_jax.training.state import TrainState


class BestCheckpoint:
  """The checkpoint with the best value of one score, kept beside the newest."""

  def __init__(self, folder: pathlib.Path, config: Plain, step: int, spare: int):
    """Opens the folder of a run.

    Args:
      folder: of the run.
      config: of the run, which names the score.
      step: after which it goes on; of what is later nothing is kept.
      spare: how many scorings there can be between two checkpoints of the run, all of which may be the
        best so far, and from any of which a killed run may have to come back to the one before.
    """
    self._name = config['evaluate']['best']
    self._kept = checkpoints.Checkpoints(folder / workdir.BEST, config, keep=1 + spare)
    processes.on_primary(lambda: self._kept.discard(after=step))
    self._kept.reload()

  def maybe_save(self, history: Iterable[MetricsLine], line: MetricsLine, state: TrainState) -> None:
    """Keeps the state if no line before has a better score by the same protocol; in all processes."""
    if processes.decided(processes.is_primary() and self._is_best(history, line)):
      self._kept.save(line['step'], devices.local(state))
      self._kept.wait()

  def _is_best(self, history: Iterable[MetricsLine], line: MetricsLine) -> bool:
    protocol = _protocol(line)
    before = [old.get(self._name) for old in history if 'card' in old and _protocol(old) == protocol]
    value = line[self._name]
    return value is not None and all(
      old is None or scores.is_better(self._name, value, old) for old in before
    )

  def close(self) -> None:
    """Lets go of the folder."""
    self._kept.close()


def _protocol(line: MetricsLine) -> MetricsLine:
  # Derived fields depend on which scores are made, and cards of older versions lack them.
  left_out = ('step', *cards.NOT_COMPARED)
  return {k: v for k, v in evaluation.without_place(line['card']).items() if k not in left_out}
