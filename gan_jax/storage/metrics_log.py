"""The metrics of a run: metrics.jsonl, TensorBoard events with pictures, and scores.jsonl."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import tensorboardX

from gan_jax.common import files
from gan_jax.common.errors import ConfigError

METRICS = 'metrics.jsonl'
SCORES = 'scores.jsonl'
PICTURE = 'samples'
"""The name of the pictures of a run in TensorBoard and other sinks."""


def add_scores(folder: pathlib.Path, line: Mapping[str, Any]) -> None:
  """Appends the result of an evaluation to scores.jsonl: {'step', 'scores', 'card'}.

  Raises:
    ConfigError: the folder cannot be written to.
  """
  path = folder / SCORES
  try:
    content = _encoded(line)
    # A killed process may have left an incomplete line.
    if path.exists() and not path.read_bytes().endswith(b'\n'):
      content = b'\n' + content
    with open(path, 'ab', buffering=0) as file:
      file.write(content)
  except OSError as error:
    raise ConfigError(
      f'workdir={folder}: cannot write to {path} ({error.strerror}); free the disk or change '
      'permissions'
    ) from error


def read_scores(folder: pathlib.Path) -> list[dict[str, Any]]:
  """Returns the complete lines of scores.jsonl, {'step', 'scores', 'card'}; [] without a file.

  Raises:
    ConfigError: a line is not such an object.
  """
  path = folder / SCORES
  if not path.exists():
    return []
  # A killed process may have left an incomplete line, which the next one ended.
  lines = [line for line in path.read_bytes().split(b'\n')[:-1] if line.endswith(b'}')]
  try:
    return [{key: line[key] for key in ('step', 'scores', 'card')} for line in map(json.loads, lines)]
  except (ValueError, TypeError, KeyError) as error:
    raise ConfigError(
      f'workdir={folder}: {path} has a corrupt line; fix it or move the file away'
    ) from error


class Sink(Protocol):
  """A place to which a run writes its metrics and pictures."""

  def write(self, line: dict[str, Any]) -> None:
    """Writes a line: 'step', 'time', numbers by name, and other values that a sink may leave out."""

  def picture(self, step: int, image: np.ndarray) -> None:
    """Writes the picture of a step, uint8 [height, width, 3]; it may come from another thread."""

  def close(self) -> None:
    """Writes the rest, and closes the sink."""


class Metrics:
  """A writer of metrics.jsonl, one JSON object per line, and of the same numbers for TensorBoard.

  Attributes:
    history: all lines.
    time: the training time in the last line before this process, in seconds.
  """

  def __init__(self, lines: list[dict[str, Any]], file: BinaryIO, events: tensorboardX.SummaryWriter):
    """Continues after `lines` in open files, see `open`."""
    self.history = lines
    self.time = lines[-1]['time'] if lines else 0.0
    self._file = file
    self._events = events

  @classmethod
  def open(cls, folder: pathlib.Path, step: int) -> Self:
    """Opens the files of a run to continue after `step`.

    It drops the lines of later steps, and TensorBoard no longer shows their numbers and pictures.
    """
    path = folder / METRICS
    lines = [line for line in _lines(path) if line['step'] <= step]
    files.write_atomic(path, b''.join(_encoded(line) for line in lines))
    # Without a suffix, a second log in the same second would replace the events of the first.
    events = tensorboardX.SummaryWriter(
      str(folder), purge_step=step + 1, filename_suffix=f'.{step + 1}'
    )
    return cls(lines, open(path, 'ab'), events)

  def write(self, line: dict[str, Any]) -> None:
    """Appends a line: 'step', 'time', numbers by name, and values that TensorBoard cannot hold."""
    self._file.write(_encoded(line))
    self._file.flush()
    self.history.append(line)
    for name, value in line.items():
      if name not in ('step', 'time') and isinstance(value, int | float):
        self._events.add_scalar(name, value, line['step'])
    self._events.flush()

  def picture(self, step: int, image: np.ndarray) -> None:
    """Writes the picture of a step for TensorBoard, uint8 [height, width, 3]."""
    self._events.add_image(PICTURE, image, step, dataformats='HWC')
    self._events.flush()

  def close(self) -> None:
    """Closes the files."""
    self._file.close()
    self._events.close()


def _encoded(line: Mapping[str, Any]) -> bytes:
  return json.dumps(line, allow_nan=False).encode() + b'\n'


def _lines(path: pathlib.Path) -> list[dict[str, Any]]:
  """Returns the complete lines of a file; its last line may be incomplete."""
  if not path.exists():
    return []
  *complete, _ = path.read_bytes().split(b'\n')
  try:
    return [{'step': line['step'], 'time': line['time'], **line} for line in map(json.loads, complete)]
  except (ValueError, TypeError, KeyError) as error:
    raise ConfigError(
      f'workdir={path.parent}: {path} has a corrupt line; fix it or move the file away'
    ) from error
