"""The pictures of a run: one at intervals, the film, and the page at the end."""

import pathlib

from gan_jax.common import files
from gan_jax.config.run_config import DataConfig
from gan_jax.data import source as sources
from gan_jax.run import in_loop_evaluation
from gan_jax.run.run_log import RunLog
from gan_jax.runtime import devices, processes
from gan_jax.storage import workdir
from gan_jax.training.state import TrainState
from gan_jax.visualization import inspection, page, snapshots


class PictureHook:
  """Draws the state of a run at intervals, and logs what the drawing measures."""

  def __init__(
    self, draw: snapshots.Draw, saver: snapshots.Saver, log: RunLog, data: DataConfig, weights: str
  ):
    """Prepares to draw; only the primary process does."""
    self._draw = draw
    self._saver = saver
    self._log = log
    self._data = data
    self._weights = weights

  def __call__(self, step: int, state: TrainState) -> None:
    """Starts to save the picture of a state; after step 0 it logs the modes of a mixture."""
    if not processes.is_primary():
      return
    make, metrics = self._draw(devices.local(state))
    self._saver.save(step, make)
    if metrics and step:
      card = in_loop_evaluation.modes_card(self._data, self._weights, step)
      self._log.evaluation({'step': step, 'time': self._log.seconds(), **metrics, 'card': card})


def write(folder: pathlib.Path, subject: inspection.Subject, source: sources.Source) -> None:
  """Writes the film, the pictures of the final weights, and the page of a finished run."""
  film = snapshots.animate(folder / workdir.SAMPLES)
  if film:
    files.write_atomic(folder / workdir.FILM, film)
  inspection.save(folder, subject, source)
  page.write(folder)


def are_written(folder: pathlib.Path) -> bool:
  """Returns whether a finished run has its page, which is written last."""
  return (folder / page.FILE).exists()
