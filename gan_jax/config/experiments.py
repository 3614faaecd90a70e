"""Experiments by name: 'dcgan', 'dcgan:ring', or 'path/to/file.py:preset'.

The experiments that gan_jax ships are the files in experiments/ of the repository. A wheel holds them
inside the package.
"""

import ast
import pathlib
import runpy
from typing import NamedTuple

from ml_collections import ConfigDict

from gan_jax.common import docstrings, user_paths
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.spelling import closest
from gan_jax.config import presets as shared

_PACKAGE = pathlib.Path(__file__).parents[1]
_WORDS = 'WORDS'
"""The constant of an experiment's file with the words that only this experiment knows."""


class Summary(NamedTuple):
  """A description of an experiment, from its file.

  Attributes:
    title: the first line of its docstring.
    words: the words of presets that only this experiment knows.
  """

  title: str
  words: tuple[str, ...]


def shipped() -> dict[str, pathlib.Path]:
  """Returns the experiments that gan_jax ships: {name: file}, in the order of the names."""
  inside = _PACKAGE / 'experiments'
  # A checkout and an editable install have the folder beside the package.
  folder = inside if inside.is_dir() else _PACKAGE.parent / 'experiments'
  return {file.stem: file for file in sorted(folder.glob('[!_]*.py'))}


def find(text: str, key: str = 'config') -> tuple[pathlib.Path, str]:
  """Returns the file and the preset of an experiment; the preset is '' if the text has none.

  A file that exists comes before a shipped experiment of the same name.

  Args:
    text: 'NAME', 'NAME:preset', 'FILE.py', or 'FILE.py:preset'.
    key: the flag or the argument that gave the text, for the error.

  Raises:
    ConfigError: neither such a file nor such an experiment exists.
  """
  name, _, preset = text.partition(':')
  file = user_paths.expanded(name, key)
  if file.is_file():
    return file, preset
  known = shipped()
  if name in known:
    return known[name], preset
  close = closest(file.stem, known)
  remedy = f'did you mean {close!r}? ' if close else ''
  raise ConfigError(
    f'{key}={text}: neither a file nor a shipped experiment (FILE.py[:preset] or NAME[:preset]); '
    f'{remedy}gan-jax list shows the experiments'
  )


def load(text: str, key: str = 'config') -> ConfigDict:
  """Returns the config of an experiment, without overrides.

  The file is executed. Errors of its code pass unchanged.

  Args:
    text: as in `find`.
    key: as in `find`.

  Raises:
    ConfigError: the experiment does not exist, its file does not define `get_config`, which returns a
      ConfigDict, or its preset is unknown.
  """
  file, preset = find(text, key)
  values = runpy.run_path(str(file))
  if 'get_config' not in values:
    raise ConfigError(f"{key}={text}: {file} defines no function get_config(preset=''); define it")
  with at(f'{key}={text}'):
    config = values['get_config'](*[preset] if preset else [])
  if not isinstance(config, ConfigDict):
    raise ConfigError(
      f'{key}={text}: get_config returns {type(config).__name__} (an ml_collections.ConfigDict); '
      f'change it in {file}'
    )
  return config


def presets(file: pathlib.Path) -> tuple[str, ...]:
  """Returns the words that presets of an experiment consist of, those that only it knows first.

  Words joined by '-' make a preset. Some words exclude each other, see `presets.words`.
  """
  return (*summary(file).words, *shared.WORDS)


def summary(file: pathlib.Path) -> Summary:
  """Returns the description of an experiment; its file is read, and not executed."""
  return Summary(docstrings.title(file), _words(file))


def _words(file: pathlib.Path) -> tuple[str, ...]:
  module = ast.parse(file.read_text(encoding='utf-8'), filename=str(file))
  for statement in module.body:
    if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == _WORDS:
      return tuple(ast.literal_eval(statement.value))
  return ()
