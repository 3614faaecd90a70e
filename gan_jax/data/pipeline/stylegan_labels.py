"""Labels of a dataset in StyleGAN's layout, from its file `dataset.json`.

The images are in folders 00000/, 00001/, ..., which are not classes. `dataset.json` is an object with
"labels": null for a dataset without labels, or a list of pairs [name of a file, label].

Source: Karras et al. 2020 (arXiv:2006.06676) and 2021 (arXiv:2106.12423), `dataset_tool.py` and
`training/dataset.py` of their code.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.contents import COMPANION, Contents, first_names
from gan_jax.data.pipeline.decode import BadImageError

FILE = 'dataset.json'
_MOST = 2**31


def labels(contents: Contents, name: str) -> dict[str, int] | None:
  """Returns the labels of all files.

  Args:
    contents: the files, with `dataset.json` directly below the root.
    name: `data.name` of the dataset, for messages.

  Returns:
    {name of a file: label from 0 to 2**31 - 1}, empty for a dataset without labels. None if
    `dataset.json` is missing, or if it does not mention labels and thus belongs to another layout.

  Raises:
    ConfigError: `dataset.json` is corrupt, a file has no label, or a label is invalid. A label is
      invalid if it is not a whole number, if its file does not exist, or if its file has another one.
  """
  if FILE not in contents.ignored[COMPANION]:
    return None
  value = _parsed(contents, name)
  if not isinstance(value, dict) or 'labels' not in value:
    return None
  if value['labels'] is None:
    return {}
  known = _pairs(value['labels'], name)
  files = contents.files.keys() | contents.unusable.keys()
  _refuse(name, sorted(files - known.keys()), len(files), 'gives no label to existing files')
  _refuse(name, sorted(known.keys() - files), len(known), 'names files that do not exist')
  return known


def without_file(ignored: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
  """Returns the ignored entries without `dataset.json`, for a dataset whose `dataset.json` is read."""
  return {reason: [name for name in names if name != FILE] for reason, names in ignored.items()}


def _parsed(contents: Contents, name: str) -> Any:
  try:
    return json.loads(contents.read(FILE))
  except (ValueError, RecursionError, BadImageError) as error:
    raise ConfigError(
      f'data.name={name}: {FILE} is corrupt or not JSON ({error}); write it again'
    ) from error
  except OSError as error:
    raise ConfigError(
      f'data.name={name}: {FILE} cannot be read ({error.strerror}); change its permissions'
    ) from error


def _pairs(pairs: Any, name: str) -> dict[str, int]:
  """Returns {file: label} for a list of pairs."""
  if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
    raise ConfigError(
      f'data.name={name}: "labels" in {FILE} is not valid (null, or a list of pairs [file, label]); '
      'write it again'
    )
  bad = [file for file, label in pairs if not _is_label(label)]
  _refuse(name, bad, len(pairs), f'has labels that are not whole numbers from 0 to {_MOST - 1}')
  known = dict(pairs)
  if len(known) < len(pairs):
    _refuse(name, _repeated([file for file, _ in pairs]), len(pairs), 'names files more than once')
  return known


def _repeated(files: Sequence[str]) -> list[str]:
  """Returns the second and later occurrences of files."""
  visited: set[str] = set()
  repeated = []
  for file in files:
    if file in visited:
      repeated.append(file)
    visited.add(file)
  return repeated


def _is_pair(pair: Any) -> bool:
  return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def _is_label(label: Any) -> bool:
  return isinstance(label, int) and not isinstance(label, bool) and 0 <= label < _MOST


def _refuse(name: str, files: list[str], total: int, fault: str) -> None:
  if files:
    raise ConfigError(
      f'data.name={name}: {FILE} {fault}, {len(files):,} of {total:,} ({first_names(files)}); '
      'correct it, or set "labels" in it to null to train without labels'
    )
