"""The file `batch.json` of a run: the shapes of the fields of its batches, where samples need them.

A game that is conditioned on images tells nothing of their size. With this file a run can be loaded,
sampled and exported without its data.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from gan_jax.common import files
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain
from gan_jax.data import source as sources
from gan_jax.game import Game, needs_condition

FILE = 'batch.json'

Batch = Mapping[str, jax.ShapeDtypeStruct]
"""{field: the shape [1, ...] and the type of one example}."""


CORRUPT = (ValueError, TypeError, KeyError, AttributeError)
"""Errors of a text that does not hold the fields of a batch."""


def write(folder: pathlib.Path, game: Game, source: sources.Source) -> None:
  """Writes the file of a run if its samples need conditions, see `game.needs_condition`."""
  if needs_condition(game):
    text = json.dumps(to_plain(sources.example(source)), indent=2)
    files.write_atomic(folder / FILE, text.encode() + b'\n')


def read(folder: pathlib.Path) -> Batch:
  """Returns the fields of a batch of a run.

  Raises:
    ConfigError: the file is missing or corrupt.
  """
  path = folder / FILE
  try:
    return from_plain(json.loads(path.read_text()))
  except FileNotFoundError as error:
    raise ConfigError(
      f'workdir={folder}: {FILE} is missing (samples of this game depend on its data); train the run '
      'again, which writes the file'
    ) from error
  except (OSError, *CORRUPT) as error:
    raise ConfigError(f'workdir={folder}: {path} is corrupt; fix it or remove it') from error


def to_plain(batch: Batch) -> Plain:
  """Returns the fields of a batch as JSON holds them."""
  return {name: {'shape': list(x.shape[1:]), 'dtype': str(x.dtype)} for name, x in batch.items()}


def from_plain(fields: Mapping[str, Mapping[str, Any]]) -> Batch:
  """Inverts `to_plain`; raises one of `CORRUPT` for other values."""
  return {
    name: jax.ShapeDtypeStruct((1, *map(int, field['shape'])), field['dtype'])
    for name, field in fields.items()
  }
