"""TensorFlow Datasets, `tfds:<name>[/<config>][:<version>]`: read as prepared, without TensorFlow.

Nothing is downloaded here: `python -m gan_jax prepare_data --name=tfds:<name>` does that once, on this
machine or on another from which the folder is copied.
"""

import fnmatch
import functools
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from gan_jax.common import hashing, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.decode import Framing
from gan_jax.data.pipeline.decoded_cache import Entry, Listing, decoded
from gan_jax.data.pipeline.placement import place
from gan_jax.data.source import Source

_INFO = 'dataset_info.json'
_VARIABLE = 'TFDS_DATA_DIR'
_REMEDY = 'set a crop that all have, or, if they are damaged, prepare the set anew'
_VERSION = re.compile(r'\d+\.\d+\.\d+')


def load(
  seed: int,
  batch_size: int,
  placement: str,
  of: str,
  *,
  split: str = 'train',
  size: int = 0,
  crop: int = 0,
  channels: int = 3,
  filter: str = 'lanczos',
  flip: bool = False,
) -> Source:
  """A split of a prepared data set that has a feature 'image', and labels if it has one 'label'.

  Args:
    seed: of the order.
    batch_size: global.
    placement: see `placing.place`.
    of: the name, as TFDS writes it: 'cifar10', 'lsun/bedroom', 'mnist:3.0.1'; of several versions
      the newest, unless it is said. They lie in TFDS_DATA_DIR, or else in ~/tensorflow_datasets.
    split: 'train', 'test', 'train[:10%]' ..., as TFDS writes them.
    size, crop, channels, filter, flip: as of `folder.load`.

  Raises:
    ConfigError: the set is not there, not whole, or not in a format that can be read at random; no such
      split; or a setting out of its range.
  """
  how = Framing(size, crop, channels, filter)
  images = decoded(_listing(Name.parse(of), split), how, max_corrupt_fraction=0.0)
  return place(images._replace(split=split), seed, batch_size, placement, flip)


class Name(NamedTuple):
  """A data set of TFDS: its name, its config and its version, '' where they are not said."""

  name: str
  config: str
  version: str

  @classmethod
  def parse(cls, text: str) -> 'Name':
    """Of 'name[/config][:version]'; ConfigError if it is none."""
    found = re.fullmatch(r'(\w+)(?:/(\w[\w.-]*))?(?::([\w.*]+))?', text)
    if not found:
      raise ConfigError(
        f'{text!r} names no data set; write tfds:name, tfds:name/config or tfds:name:version'
      )
    return cls(*(part or '' for part in found.groups()))

  def __str__(self) -> str:
    config = self.config and f'/{self.config}'
    return f'{self.name}{config}' + (self.version and f':{self.version}')


def data_folder() -> pathlib.Path:
  """Returns the folder where TFDS keeps prepared datasets.

  TFDS_DATA_DIR names it; without it the folder is `~/tensorflow_datasets`.

  Raises:
    ConfigError: TFDS_DATA_DIR is not set, and there is no home folder.
  """
  return user_paths.expanded(os.environ.get(_VARIABLE) or '~/tensorflow_datasets', _VARIABLE)


def is_there(name: Name) -> bool:
  """Whether a data set is prepared."""
  return bool(_versions(_above(name), name.version or '*'))


def find(name: Name) -> pathlib.Path:
  """The folder of a prepared data set; ConfigError, with what to do, if there is none."""
  root, above = data_folder() / name.name, _above(name)
  versions = _versions(above, name.version or '*')
  if versions:
    return max(versions, key=_number)
  configs = sorted({path.parent.parent.name for path in root.glob(f'*/*/{_INFO}')})
  if configs and not name.config:
    raise ConfigError(
      f'{name} has several configs; name one of those that are prepared: '
      + ', '.join(f'tfds:{name.name}/{config}' for config in configs)
    )
  raise ConfigError(f'{_how_it_is(above, name)}; {remedy(name)}')


def remedy(name: Name) -> str:
  """What to do about a data set that is not there."""
  return (
    f'prepare it where there is network: python -m gan_jax prepare_data --name=tfds:{name} ; if that '
    f'is another machine, copy its folder {name.name} in ~/tensorflow_datasets to {data_folder()}'
  )


def _above(name: Name) -> pathlib.Path:
  """The folder of the versions of a set."""
  return data_folder() / name.name / name.config


def _versions(above: pathlib.Path, wanted: str) -> list[pathlib.Path]:
  # A preparation that was killed leaves a folder of another name, which may hold all but a file.
  found = [path.parent for path in above.glob(f'*/{_INFO}') if _VERSION.fullmatch(path.parent.name)]
  return [path for path in found if fnmatch.fnmatch(path.name, wanted)]


def _number(path: pathlib.Path) -> tuple[int, ...]:
  return tuple(int(part) for part in re.findall(r'\d+', path.name))


def _how_it_is(above: pathlib.Path, name: Name) -> str:
  there = sorted(path.name for path in _versions(above, '*'))
  if there:
    return f'{name} is not prepared, but there are versions: {", ".join(there)}'
  begun = [path for path in above.glob('*') if path.is_dir() and not path.name.startswith('.')]
  if begun:
    return f'{begun[0]} is only half prepared (it has no {_INFO}): remove it'
  return f'{name} is not prepared: there is no {above}'


def _listing(name: Name, split: str) -> Listing:
  folder = find(name)
  source, info = _opened(folder, name, split)
  features = info.features
  if 'image' not in features:
    raise ConfigError(f'{name} has no feature "image"; it has: {", ".join(features)}')
  # Numbers that are no classes have no names.
  names = tuple(getattr(features['label'], 'names', ())) if 'label' in features else ()
  key = {
    **{path.name: f'{path.stat().st_size} {path.stat().st_mtime_ns}' for path in folder.iterdir()},
    'folder': f'{info.full_name} {split}',
  }
  read = functools.partial(_read, source, folder, bool(names))
  return Listing(f'tfds:{name}', hashing.of_texts(key), len(source), read, names, _REMEDY)


def _opened(folder: pathlib.Path, name: Name, split: str) -> tuple[Any, Any]:
  """The split, encoded images in it, and what is said of the set."""
  # It takes a second, and on a machine without it only what it reads is missing.
  import tensorflow_datasets as tfds

  try:
    builder = tfds.builder_from_directory(folder)
    try:
      _check_files(builder, folder, name)
      found = builder.as_data_source(split=split, decoders={'image': tfds.decode.SkipDecoding()})
      return found, builder.info
    # What TFDS itself raises of a format whose examples cannot be had by their number, as TFRecord.
    except NotImplementedError as error:
      raise ConfigError(
        f'{folder} is in a format that cannot be read at random ({builder.info.file_format}); '
        f'remove it, then run python -m gan_jax prepare_data --name=tfds:{name}'
      ) from error
  except ConfigError:
    raise
  except Exception as error:
    raise ConfigError(f'{folder}, split {split!r}: {error}') from error


def _check_files(builder: Any, folder: pathlib.Path, name: Name) -> None:
  files = [pathlib.Path(path) for found in builder.info.splits.values() for path in found.filepaths]
  missing = [path for path in files if not path.exists()]
  if missing:
    raise ConfigError(
      f'{folder} is not whole: {len(missing)} of its {len(files)} files are missing, {missing[0].name} '
      f'the first; remove it, and {remedy(name)}'
    )


def _read(source: Any, folder: pathlib.Path, labelled: bool, first: int, last: int) -> list[Entry]:
  try:
    found = source.__getitems__(range(first, last))
  except Exception as error:
    # What reads the files raises errors of many kinds of a damaged one.
    raise ConfigError(
      f'{folder} cannot be read at example {first} and on ({error}); it is damaged: prepare it anew'
    ) from error
  return [
    Entry(f'example {first + i}', _constant(one['image']), int(one['label']) if labelled else -1)
    for i, one in enumerate(found)
  ]


def _constant(content: bytes) -> Callable[[], bytes]:
  return lambda: content
