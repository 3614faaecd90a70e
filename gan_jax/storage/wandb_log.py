"""The metrics and pictures of a run in Weights & Biases, beside those in its folder.

The package wandb is imported only when such a log is opened. If wandb fails, its log ends with a
warning, and training goes on.
"""

import json
import pathlib
import secrets
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_jax.common import files, optional
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain
from gan_jax.storage.metrics_log import PICTURE

FILE = 'wandb.json'
"""The file in the folder of a run with its ids in wandb, {project: id}."""

_FINISH_SECONDS = 60
"""The longest time that the end of a run waits for a server that does not answer."""


def check(project: str) -> None:
  """Imports wandb, which a command does before it compiles anything.

  Raises:
    ConfigError: the package is not installed.
  """
  optional.imported('wandb', f'--wandb={project}')


class WandbLog:
  """A sink of the log of a run, see `metrics_log.Sink`, that writes to a run in wandb."""

  def __init__(self, start: Callable[[], Any], warn: Callable[[str], None]):
    """Starts the run in wandb.

    Args:
      start: returns a run of wandb.
      warn: receives one line when wandb fails.
    """
    self._warn = warn
    self._run: Any = None
    self._attempt(lambda: self._begin(start()))

  def write(self, line: dict[str, Any]) -> None:
    """Logs the numbers of a line."""
    if self._run:
      numbers = {name: value for name, value in line.items() if isinstance(value, int | float)}
      self._attempt(lambda: self._run.log(numbers))

  def picture(self, step: int, image: np.ndarray) -> None:
    """Logs the picture of a step, uint8 [height, width, 3]."""
    if self._run:
      wandb = optional.imported('wandb', '--wandb')
      self._attempt(lambda: self._run.log({'step': step, PICTURE: wandb.Image(image)}))

  def close(self) -> None:
    """Waits until the server has everything, but not longer than a minute."""
    if self._run:
      self._attempt(self._run.finish)

  def _begin(self, run: Any) -> None:
    # Several lines have the same step, and a picture may come after a later line.
    run.define_metric('step')
    run.define_metric('*', step_metric='step')
    self._run = run

  def _attempt(self, action: Callable[[], Any]) -> None:
    """Calls wandb; if that fails, it warns, and the log ends."""
    try:
      action()
    # A tracker must not end a training, whatever its error is.
    except Exception as error:
      self._run = None
      text = ' '.join(str(error).split())
      self._warn(f'wandb: {text} ({type(error).__name__}); training goes on without it')


def open_log(
  project: str, folder: pathlib.Path, config: Plain, warn: Callable[[str], None]
) -> WandbLog:
  """Opens the log of a run in a project of wandb; a run that resumes continues its run in wandb.

  The files of wandb are where it puts them, by default in wandb/ of the current folder. They contain
  symbolic links, which the folder of a run must not, see `workdir.check_links`.

  Args:
    project: the name of the project.
    folder: of the run.
    config: of the run.
    warn: receives one line when wandb fails.

  Raises:
    ConfigError: the package is not installed, or the file of ids is corrupt.
  """
  wandb = optional.imported('wandb', f'--wandb={project}')
  run_id = _run_id(folder, project)

  def start() -> Any:
    settings = wandb.Settings(console='off', finish_timeout=_FINISH_SECONDS)
    return wandb.init(
      project=project,
      id=run_id,
      name=folder.resolve().name,
      config=config,
      resume='allow',
      reinit='create_new',
      allow_val_change=True,
      settings=settings,
    )

  return WandbLog(start, warn)


def _run_id(folder: pathlib.Path, project: str) -> str:
  """Returns the id of a run in a project; the first time it makes one, and notes it."""
  path = folder / FILE
  try:
    ids = json.loads(path.read_text()) if path.exists() else {}
    run_id = ids.get(project) or secrets.token_hex(8)
  except (ValueError, AttributeError) as error:
    raise ConfigError(
      f'workdir={folder}: {path} is corrupt ({error}); remove it to start another run in wandb'
    ) from error
  files.write_atomic(path, json.dumps({**ids, project: run_id}, indent=2).encode() + b'\n')
  return run_id
