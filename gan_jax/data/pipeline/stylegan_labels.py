"""Labels of a data set in the layout of StyleGAN, from its file `dataset.json`.

The pictures lie in folders 00000/, 00001/ ..., which are no classes. `dataset.json` is an object with
"labels": null for a set without labels, or a list of pairs [name of a file, label].

Source: Karras et al. 2020 (arXiv:2006.06676) and 2021 (arXiv:2106.12423), `dataset_tool.py` and
`training/dataset.py` of their code.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.contents import COMPANION, Contents, some
from gan_jax.data.pipeline.decode import BadPictureError

FILE = 'dataset.json'
_MOST = 2**31


def labels(found: Contents, what: str) -> dict[str, int] | None:
  """Returns the labels of all files.

  Args:
    found: the files, with `dataset.json` directly below the root.
    what: names the data set in messages.

  Returns:
    {name of a file: label from 0 to 2**31 - 1}, empty for a set without labels. None if there is no
    `dataset.json`, or if it says nothing of labels and so belongs to another layout.

  Raises:
    ConfigError: `dataset.json` is damaged; a file has no label; or a label belongs to no file, belongs
      to a file that has another one, or is no whole number.
  """
  if FILE not in found.passed[COMPANION]:
    return None
  said = _parsed(found, what)
  if not isinstance(said, dict) or 'labels' not in said:
    return None
  if said['labels'] is None:
    return {}
  known = _pairs(said['labels'], what)
  files = found.files.keys() | found.bad.keys()
  _refuse(what, sorted(files - known.keys()), len(files), 'gives no label to', 'files that are there')
  _refuse(what, sorted(known.keys() - files), len(known), 'names', 'files that are not there')
  return known


def without_file(passed: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
  """Returns what is passed over, without the `dataset.json` that is read."""
  return {why: [name for name in names if name != FILE] for why, names in passed.items()}


def _parsed(found: Contents, what: str) -> Any:
  try:
    return json.loads(found.read(FILE))
  except (ValueError, RecursionError, BadPictureError) as error:
    raise ConfigError(f'{what}: {FILE} is damaged or is no JSON ({error}); write it again') from error
  except OSError as error:
    raise ConfigError(f'{what}: {FILE} cannot be read ({error.strerror})') from error


def _pairs(pairs: Any, what: str) -> dict[str, int]:
  """Returns {name: label} of a list of pairs."""
  if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
    raise ConfigError(f'{what}: "labels" in {FILE} must be null or a list of pairs [file, label]')
  bad = [name for name, label in pairs if not _is_label(label)]
  numbers = f'labels that are no whole numbers from 0 to {_MOST - 1}, to'
  _refuse(what, bad, len(pairs), f'gives {numbers}', 'files')
  known = dict(pairs)
  if len(known) < len(pairs):
    seen = set()
    twice = [name for name, _ in pairs if name in seen or seen.add(name)]
    _refuse(what, twice, len(pairs), 'names more than once', 'files')
  return known


def _is_pair(pair: Any) -> bool:
  return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def _is_label(label: Any) -> bool:
  return isinstance(label, int) and not isinstance(label, bool) and 0 <= label < _MOST


def _refuse(what: str, names: list[str], total: int, how: str, of: str) -> None:
  if names:
    raise ConfigError(
      f'{what}: {FILE} {how} {of}, {len(names):,} of {total:,}: {some(names)}; correct it, or set '
      '"labels" in it to null to train without labels'
    )
