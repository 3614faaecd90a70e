"""The metrics of a run: metrics.jsonl, TensorBoard events, and scores.jsonl."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorboardX

from gan_jax.common import files
from gan_jax.common.errors import ConfigError

METRICS, SCORES = 'metrics.jsonl', 'scores.jsonl'


def add_scores(folder: pathlib.Path, line: Mapping[str, Any]) -> None:
  """Appends to the scores that were asked for: {'step', 'scores', 'card'}.

  Raises:
    ConfigError: the folder cannot be written to.
  """
  path = folder / SCORES
  try:
    torn = path.exists() and not path.read_bytes().endswith(b'\n')
    with open(path, 'ab', buffering=0) as file:
      file.write((b'\n' if torn else b'') + _encoded(line))
  except OSError as error:
    raise ConfigError(f'workdir: cannot write to {path} ({error.strerror})') from error


class Metrics:
  """metrics.jsonl, one JSON object a line, and the same numbers as TensorBoard events.

  Attributes:
    history: all lines.
    time: in the last of those that were there, seconds.
  """

  def __init__(self, folder: pathlib.Path, step: int):
    """Opens the files to go on after `step`; what they say of later steps is dropped."""
    path = folder / METRICS
    kept = [line for line in _lines(path) if line['step'] <= step]
    files.write_atomic(path, b''.join(_encoded(line) for line in kept))
    self.history = kept
    self.time = kept[-1]['time'] if kept else 0.0
    self._file = open(path, 'ab')  # noqa: SIM115, closed by close()
    self._events = tensorboardX.SummaryWriter(str(folder), purge_step=step + 1)

  def write(self, line: dict[str, Any]) -> None:
    """Appends a line; it has 'step', 'time', other numbers and what no event can hold."""
    self._file.write(_encoded(line))
    self._file.flush()
    self.history.append(line)
    for name, value in line.items():
      if name not in ('step', 'time') and isinstance(value, int | float):
        self._events.add_scalar(name, value, line['step'])
    self._events.flush()

  def close(self) -> None:
    """Closes the files."""
    self._file.close()
    self._events.close()


def _encoded(line: Mapping[str, Any]) -> bytes:
  return json.dumps(line, allow_nan=False).encode() + b'\n'


def _lines(path: pathlib.Path) -> list[dict[str, Any]]:
  """The whole lines of a file whose last one may be torn."""
  if not path.exists():
    return []
  *whole, _ = path.read_bytes().split(b'\n')
  try:
    return [{'step': line['step'], 'time': line['time'], **line} for line in map(json.loads, whole)]
  except (ValueError, TypeError, KeyError) as error:
    raise ConfigError(
      f'workdir: {path} holds a line that no run wrote; mend it or move it away'
    ) from error
