"""TensorFlow Datasets, `tfds:<name>[/<config>][:<version>]`: prepared datasets, without TensorFlow.

Nothing is downloaded here. `python -m gan_jax prepare_data --name=tfds:<name>` downloads and prepares
a dataset once, on this machine or on another machine from which the folder is copied.
"""

import collections
import fnmatch
import functools
import os
import pathlib
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from gan_jax.common import hashing, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.decode import Framing
from gan_jax.data.pipeline.decoded_cache import Entry, Listing, load_image_set
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.source import Source

_INFO = 'dataset_info.json'
_VARIABLE = 'TFDS_DATA_DIR'
_REMEDY = 'set a crop that fits all images, or, if they are corrupt, prepare the dataset again'
_VERSION = re.compile(r'\d+\.\d+\.\d+')


def load(
  seed: int,
  batch_size: int,
  placement: str,
  suffix: str,
  *,
  split: str = 'train',
  size: int = 0,
  crop: int = 0,
  channels: int = 3,
  filter: str = 'lanczos',
  flip: bool = False,
  held_out: str = 'test',
) -> Source:
  """Returns a source of one split of a prepared dataset with a feature 'image'.

  If the dataset has a feature 'label', batches have labels.

  Args:
    seed: the seed of the shuffled order.
    batch_size: the global batch size.
    placement: see `placement.place`.
    suffix: the name as TFDS writes it: 'cifar10', 'lsun/bedroom', 'mnist:3.0.1'. Without a version it
      is the newest one. Datasets are in TFDS_DATA_DIR, or in ~/tensorflow_datasets if that is not set.
    split: 'train', 'test', 'train[:10%]', ..., as TFDS writes them.
    size, crop, channels, filter, flip: see `folder.load`.
    held_out: the split that training never sees. It is read, and checked, only when it is asked for.

  Raises:
    ConfigError: the dataset is missing, incomplete, or in a format without random access; the split
      does not exist; or a setting is out of its range.
  """
  framing, name = Framing(size, crop, channels, filter), Name.parse(suffix)

  def images(key: str, split: str) -> ImageSet:
    listing = _listing(name, split, key)
    return load_image_set(listing, framing, max_corrupt_fraction=0.0)._replace(split=split)

  def make_held_out() -> Source:
    _check_disjoint(name, split, held_out)
    return place(images('held_out', held_out), seed, batch_size, placement)

  training = place(images('split', split), seed, batch_size, placement, flip)
  return training._replace(held_out=make_held_out)


class Name(NamedTuple):
  """The name, the config, and the version of a TFDS dataset; '' for a config or version not given."""

  name: str
  config: str
  version: str

  @classmethod
  def parse(cls, text: str) -> 'Name':
    """Parses 'name[/config][:version]'; raises ConfigError for other texts."""
    match = re.fullmatch(r'(\w+)(?:/(\w[\w.-]*))?(?::([\w.*]+))?', text)
    if not match:
      raise ConfigError(
        f'data.name=tfds:{text}: not a valid name (tfds:NAME, tfds:NAME/CONFIG, or tfds:NAME:VERSION); '
        'write one of these'
      )
    return cls(*(group or '' for group in match.groups()))

  def __str__(self) -> str:
    config = self.config and f'/{self.config}'
    version = self.version and f':{self.version}'
    return f'{self.name}{config}{version}'


def data_folder() -> pathlib.Path:
  """Returns the folder where TFDS keeps prepared datasets.

  TFDS_DATA_DIR names it; without it the folder is `~/tensorflow_datasets`.

  Raises:
    ConfigError: TFDS_DATA_DIR is not set, and the user has no home folder.
  """
  return user_paths.expanded(os.environ.get(_VARIABLE) or '~/tensorflow_datasets', _VARIABLE)


def is_prepared(name: Name) -> bool:
  """Returns whether a dataset is prepared."""
  return bool(_versions(_parent(name), name.version or '*'))


def find(name: Name) -> pathlib.Path:
  """Returns the folder of a prepared dataset.

  Raises:
    ConfigError: the dataset is not prepared; the message gives the remedy.
  """
  root, parent = data_folder() / name.name, _parent(name)
  versions = _versions(parent, name.version or '*')
  if versions:
    return max(versions, key=_version_numbers)
  configs = sorted({path.parent.parent.name for path in root.glob(f'*/*/{_INFO}')})
  if configs and not name.config:
    prepared = ', '.join(f'tfds:{name.name}/{config}' for config in configs)
    raise ConfigError(
      f'data.name=tfds:{name}: the dataset has several configs (prepared: {prepared}); name one of them'
    )
  raise ConfigError(f'data.name=tfds:{name}: {_problem(parent)}; {remedy(name)}')


def remedy(name: Name) -> str:
  """Returns the advice for a dataset that is not prepared."""
  return (
    f'prepare it on a machine with network: python -m gan_jax prepare_data --name=tfds:{name} ; if '
    f'that is another machine, copy its folder {name.name} in ~/tensorflow_datasets to {data_folder()}'
  )


def _parent(name: Name) -> pathlib.Path:
  """Returns the folder that contains the versions of a dataset."""
  return data_folder() / name.name / name.config


def _versions(parent: pathlib.Path, pattern: str) -> list[pathlib.Path]:
  # A killed preparation leaves a folder with another name, which may lack only one file.
  folders = [path.parent for path in parent.glob(f'*/{_INFO}')]
  versions = [path for path in folders if _VERSION.fullmatch(path.name)]
  return [path for path in versions if fnmatch.fnmatch(path.name, pattern)]


def _version_numbers(path: pathlib.Path) -> tuple[int, ...]:
  return tuple(int(number) for number in re.findall(r'\d+', path.name))


def _problem(parent: pathlib.Path) -> str:
  """Returns why the folder has no suitable version, and which folder to remove, if any."""
  versions = sorted(path.name for path in _versions(parent, '*'))
  if versions:
    return f'this version is not prepared (prepared: {", ".join(versions)})'
  folders = [path for path in parent.glob('*') if path.is_dir() and not path.name.startswith('.')]
  if folders:
    return f'the preparation of {folders[0]} is incomplete ({_INFO} is missing); remove the folder'
  return f'the dataset is not prepared ({parent} does not exist)'


def _listing(name: Name, split: str, key: str) -> Listing:
  """Returns the examples of a split, which the setting `key` names."""
  folder = find(name)
  source, info = _opened(folder, name, split, key)
  features = info.features
  if 'image' not in features:
    raise ConfigError(
      f'data.name=tfds:{name}: the dataset has no feature "image" (it has {", ".join(features)}); '
      'choose another dataset'
    )
  # Labels that are not classes have no names.
  names = tuple(getattr(features['label'], 'names', ())) if 'label' in features else ()
  status = {path.name: path.stat() for path in folder.iterdir()}
  state = {file: f'{s.st_size} {s.st_mtime_ns}' for file, s in status.items()}
  state['folder'] = f'{info.full_name} {split}'
  read = functools.partial(_read, source, folder, bool(names), name)
  return Listing(f'tfds:{name}', hashing.of_texts(state), len(source), read, names, _REMEDY)


def library(key: str) -> ModuleType:
  """Returns the module tensorflow_datasets.

  Args:
    key: what needs it, for the error.

  Raises:
    ConfigError: the package is not installed, or another one that it needs.
  """
  # Imported lazily: it takes a second to import, and only datasets of TFDS need it.
  try:
    import tensorflow_datasets
  except ImportError as error:
    raise ConfigError(
      f'{key}: needs the package tensorflow-datasets, which cannot be imported ({error}); run pip '
      'install tensorflow-datasets'
    ) from error
  return tensorflow_datasets


def _opened(folder: pathlib.Path, name: Name, split: str, key: str) -> tuple[Any, Any]:
  """Returns the split, with encoded images, and the metadata of the dataset."""
  tfds = library(f'data.name=tfds:{name}')
  try:
    builder = tfds.builder_from_directory(folder)
    try:
      _check_files(builder, folder, name)
      source = builder.as_data_source(split=split, decoders={'image': tfds.decode.SkipDecoding()})
      return source, builder.info
    # TFDS raises this for formats without random access, such as TFRecord.
    except NotImplementedError as error:
      raise ConfigError(
        f'data.name=tfds:{name}: {folder} has a format without random access '
        f'({builder.info.file_format}); remove it, then run python -m gan_jax prepare_data '
        f'--name=tfds:{name}'
      ) from error
  except ConfigError:
    raise
  except Exception as error:
    raise ConfigError(
      f'data.name=tfds:{name}: split {split!r} of {folder} cannot be read ({error}); change '
      f'data.{key}, or prepare the dataset again'
    ) from error


def _check_disjoint(name: Name, split: str, held_out: str) -> None:
  """Raises ConfigError if a split for training has examples of the split that is held out."""
  _, info = _opened(find(name), name, held_out, 'held_out')
  trained = _ranges(info, split)
  for file, ranges in _ranges(info, held_out).items():
    if any(a < d and c < b for a, b in ranges for c, d in trained[file]):
      raise ConfigError(
        f'data.held_out={held_out}: has examples of data.split={split}, on which the run trains (a '
        f'split without them; splits: {", ".join(info.splits)}); change data.held_out or data.split'
      )


def _ranges(info: Any, split: str) -> Mapping[str, list[tuple[int, int]]]:
  """Returns the examples of a split in each file, from the first to before the last."""
  ranges = collections.defaultdict(list)
  for part in info.splits[split].file_instructions:
    ranges[str(part.filename)].append((part.skip, part.skip + part.take))
  return ranges


def _check_files(builder: Any, folder: pathlib.Path, name: Name) -> None:
  splits = builder.info.splits.values()
  files = [pathlib.Path(path) for split in splits for path in split.filepaths]
  missing = [path for path in files if not path.exists()]
  if missing:
    raise ConfigError(
      f'data.name=tfds:{name}: {folder} is incomplete ({len(missing)} of its {len(files)} files are '
      f'missing, {missing[0].name} is the first); remove it, and {remedy(name)}'
    )


def _read(
  source: Any, folder: pathlib.Path, has_labels: bool, name: Name, first: int, last: int
) -> list[Entry]:
  try:
    examples = source.__getitems__(range(first, last))
  except Exception as error:
    # The reader raises errors of many types for a corrupt file.
    raise ConfigError(
      f'data.name=tfds:{name}: {folder} is corrupt at example {first} or later ({error}); remove it, '
      'and prepare the dataset again'
    ) from error
  return [
    Entry(
      f'example {first + i}',
      _constant(example['image']),
      int(example['label']) if has_labels else -1,
    )
    for i, example in enumerate(examples)
  ]


def _constant(content: bytes) -> Callable[[], bytes]:
  return lambda: content
