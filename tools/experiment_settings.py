"""Checks the block of resolved hyperparameters in every experiment's docstring; --write rewrites it.

python tools/experiment_settings.py [--write]

The block states the settings that define the experiment, at its default preset. It is the end of the
module's docstring.
"""

import argparse
import difflib
import importlib.util
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from gan_jax.config import schema

EXPERIMENTS = pathlib.Path(__file__).parents[1] / 'experiments'
HEADING = 'Resolved hyperparameters:\n'
KEYS = ('update_rule', 'steps', 'batch_size', 'gan', 'networks', 'players', 'ema')
"""Keys of a config that define an experiment, in the order of the block."""


def _flatten(key: str, value: Any) -> Iterator[tuple[str, Any]]:
  """Yields ('a.b', value) for each value of nested dicts; an empty dict is a value."""
  if isinstance(value, dict) and value:
    for name, inner in value.items():
      yield from _flatten(f'{key}.{name}', inner)
  else:
    yield key, value


def settings(path: pathlib.Path) -> str:
  """Returns the block of an experiment file, one setting per line."""
  spec = importlib.util.spec_from_file_location(path.stem, path)
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = schema.plain(module.get_config())
  flat = [pair for key in KEYS for pair in _flatten(key, config[key])]
  return ''.join(f'- {key}: {v if isinstance(v, str) else json.dumps(v)}\n' for key, v in flat)


def updated(path: pathlib.Path) -> str:
  """Returns the text of an experiment file with its present settings.

  Raises:
    ValueError: the file has no module docstring.
  """
  before, quotes, code = path.read_text().partition('\n"""\n')
  if not quotes:
    raise ValueError(f'{path}: no module docstring of several lines (the block ends it); write one')
  text = before.partition(HEADING)[0].rstrip()
  return f'{text}\n\n{HEADING}\n{settings(path).rstrip()}{quotes}{code}'


def main() -> int:
  """Prints or writes the differences; returns 1 if a file differs and is not written."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--write', action='store_true', help='rewrite the blocks that differ')
  write, outdated = parser.parse_args().write, 0
  for path in sorted(EXPERIMENTS.glob('*.py')):
    old, new = path.read_text(), updated(path)
    if old == new:
      continue
    outdated += 1
    if write:
      path.write_text(new)
      print(f'{path.name}: written')
    else:
      print(
        *difflib.unified_diff(old.splitlines(), new.splitlines(), path.name, 'new', lineterm=''),
        sep='\n',
      )
  return int(outdated > 0 and not write)


if __name__ == '__main__':
  sys.exit(main())
