"""Sets of examples that a user compares: arrays, folders of images, and .npz files."""

import os
import pathlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from gan_jax import modalities
from gan_jax.common import hashing, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import decode, folder_tree, zip_archive
from gan_jax.data.pipeline.contents import Contents, summary
from gan_jax.data.source import Images
from gan_jax.evaluation import statistics_file
from gan_jax.evaluation.statistics_file import FeatureMoments
from gan_jax.modalities import Modality
from gan_jax.runtime import environment

Given = Any
"""An array, or the path of a folder, of an archive, or of an .npz file."""

_CHUNK = 256
_KINDS = 'an array, a folder of images, a zip archive of them, or an .npz file'


class Pictures:
  """The images of a folder or an archive, which are decoded whenever they are read.

  Attributes:
    shape: [N, height, width, channels].
    files: their names in the folder or archive.
  """

  dtype = np.dtype(np.uint8)
  ndim = 4

  def __init__(
    self,
    contents: Contents,
    files: list[str],
    shape: tuple[int, ...],
    key: str,
    framing: decode.Framing,
  ):
    """Describes the images, which are framed in one way; `key` names them in errors."""
    self._contents = contents
    self.files = files
    self.shape = shape
    self._key = key
    self._framing = framing

  def __len__(self) -> int:
    """Returns the number of images."""
    return len(self.files)

  def __getitem__(self, indices: slice | np.ndarray) -> np.ndarray:
    """Returns the images at indices, uint8 [n, height, width, channels]."""
    with ThreadPoolExecutor(environment.cores()) as threads:
      images = list(threads.map(self._image, np.arange(len(self))[indices]))
    return np.stack(images) if images else np.empty((0, *self.shape[1:]), np.uint8)

  def with_channels(self, channels: int) -> 'Pictures':
    """Returns the same images with 1 or 3 channels."""
    framing = self._framing._replace(channels=channels)
    return Pictures(self._contents, self.files, (*self.shape[:3], channels), self._key, framing)

  def first(self, num: int) -> 'Pictures':
    """Returns the first `num` images."""
    shape = (num, *self.shape[1:])
    return Pictures(self._contents, self.files[:num], shape, self._key, self._framing)

  def _image(self, index: int) -> np.ndarray:
    name = self.files[index]
    image = _decoded(self._contents, name, self._framing, self._key)
    if image.shape != self.shape[1:]:
      first, other = (' x '.join(map(str, s[:2])) for s in (self.shape[1:], image.shape))
      raise ConfigError(
        f'{self._key}: images differ in size ({self.files[0]}: {first}, {name}: {other}); '
        'resize all of them to one size'
      )
    return image


class ExampleSet(NamedTuple):
  """A set of examples.

  Attributes:
    name: the path of the set, or 'array', for cards and errors.
    examples: images, uint8 [N, height, width, 1 or 3], or points, float32 [N, D].
    is_gray: whether the examples are images, and all channels of every image are equal.
    digest: the digest of the examples, see `hashing.of_array`; '' if it is not yet computed.
  """

  name: str
  examples: Images
  is_gray: bool = False
  digest: str = ''

  @property
  def modality(self) -> Modality:
    """The kind of the examples."""
    return modalities.of_shape(self.examples.shape)

  @property
  def is_file(self) -> bool:
    """Whether the set can be read again, so that its statistics are worth storing."""
    return self.name != 'array'

  def with_channels(self, channels: int) -> 'ExampleSet':
    """Returns the set with 1 or 3 channels; only a gray set can lose channels."""
    if self.examples.shape[-1] == channels:
      return self
    if isinstance(self.examples, Pictures):
      images = self.examples.with_channels(channels)
    else:
      images = self.examples[..., :1] if channels == 1 else np.repeat(self.examples, channels, axis=3)
    return self._replace(examples=images, digest='')

  def first(self, num: int) -> 'ExampleSet':
    """Returns the first `num` examples."""
    if num == len(self.examples):
      return self
    images = self.examples
    first = images.first(num) if isinstance(images, Pictures) else images[:num]
    return self._replace(examples=first, digest='')

  @property
  def identity(self) -> str:
    """The digest of the examples."""
    images = self.examples
    return self.digest or hashing.of_chunks(_chunks(images), images.shape, images.dtype)


def read(given: Given, key: str) -> ExampleSet | FeatureMoments:
  """Returns the set that a user gives, or its moments if a file has nothing else.

  Args:
    given: an array: uint8 [N, height, width, 1 or 3], or float in [-1, 1], or points [N, D]. Or the
      path of a folder or zip archive of images of one size. Or the path of an .npz file with `images`,
      `points` or `arr_0`, or with `mu` and `sigma`.
    key: the flag or argument that gave it, for errors.

  Raises:
    ConfigError: it is empty, too small, unreadable, or something else.
  """
  if not isinstance(given, str | os.PathLike):
    return _of_array(given, 'array', key)
  text = os.fspath(given)
  path = user_paths.expanded(text, key)
  if path.is_dir():
    return _of_pictures(folder_tree.walk(path), f'folder:{text}', f'{key}={text}')
  if not path.is_file():
    raise ConfigError(f'{key}={text}: no such folder or file ({_KINDS}); check the path')
  if path.suffix.lower() == '.zip':
    return _of_pictures(zip_archive.members(path), f'folder:{text}', f'{key}={text}')
  if path.suffix.lower() != '.npz':
    raise ConfigError(f'{key}={text}: unknown kind of file ({_KINDS}); convert it to one of these')
  return _of_npz(path, text, key)


def _of_npz(path: pathlib.Path, text: str, key: str) -> ExampleSet | FeatureMoments:
  arrays = statistics_file.arrays_in(path, key)
  if {'mu', 'sigma'} <= arrays.keys():
    return statistics_file.read(arrays, text, key)
  # Other packages write `arr_0`.
  names = (*modalities.MODALITIES, 'arr_0')
  name = next((name for name in names if name in arrays), None)
  if name is None:
    has = ', '.join(arrays) or 'nothing'
    raise ConfigError(
      f'{key}={text}: it has {has} (mu and sigma, or one of {", ".join(names)}); rename the array'
    )
  return _of_array(arrays[name], text, key)


def _of_array(given: Any, name: str, key: str) -> ExampleSet:
  try:
    array = np.asarray(given)
  except ValueError as error:
    raise ConfigError(f'{key}: {error} ({_KINDS}); give one array') from error
  at = f'{key}={name}'
  modality = modalities.find(array.shape)
  if modality is None or not modality.storage.accepts(array) or 0 in array.shape[1:]:
    accepted = ', or '.join(known.storage.accepted for known in modalities.MODALITIES.values())
    raise ConfigError(
      f'{at}: {array.dtype} {array.shape} is not a set of examples ({accepted}); convert it'
    )
  _check_count(len(array), at)
  if array.dtype != np.uint8 and not np.isfinite(array).all():
    raise ConfigError(f'{at}: it has NaN or infinity (finite numbers); leave out such examples')
  examples = modality.storage.from_arrays(array, at)
  return ExampleSet(name, examples, modality is modalities.IMAGES and _is_gray(examples))


def _check_count(count: int, at: str) -> None:
  if count < 2:
    raise ConfigError(f'{at}: too few examples, {count} (at least 2); add examples')


def _is_gray(images: np.ndarray) -> bool:
  return images.shape[-1] == 1 or all((c == c[..., :1]).all() for c in _chunks(images))


def _chunks(images: Images) -> Iterator[np.ndarray]:
  for first in range(0, len(images), _CHUNK):
    yield images[first : first + _CHUNK]


def _decoded(contents: Contents, name: str, framing: decode.Framing, key: str) -> np.ndarray:
  try:
    return decode.pixels(contents.read(name), framing)
  except (decode.BadImageError, OSError) as error:
    raise ConfigError(f'{key}: {name} cannot be read ({error}); repair or remove the file') from error


def pictures(contents: Contents, key: str, framing: decode.Framing) -> Pictures:
  """Returns the images of a folder or an archive, in the order of their names; reads the first one.

  Args:
    contents: the folder or the archive.
    key: what gave it, for errors, e.g. '--real=photos'.
    framing: how the images are cropped, resized and converted.

  Raises:
    ConfigError: it has no images, or files that cannot be read.
  """
  files = sorted(contents.files)
  if contents.unusable:
    file, reason = min(contents.unusable.items())
    raise ConfigError(f'{key}: {file} cannot be read ({reason}); repair or remove the file')
  if not files:
    ignored = summary(contents.ignored)
    exception = f', except for {ignored}' if ignored else ''
    raise ConfigError(f'{key}: the folder has no images{exception}; choose a folder with images')
  first = _decoded(contents, files[0], framing, key)
  return Pictures(contents, files, (len(files), *first.shape), key, framing)


def _of_pictures(contents: Contents, name: str, key: str) -> ExampleSet:
  """Returns the images of a folder; reads all of them once for their size, colors and digest."""
  images = pictures(contents, key, decode.Framing())
  _check_count(len(images), key)
  grays = []

  def chunks() -> Iterator[np.ndarray]:
    for chunk in _chunks(images):
      grays.append(_is_gray(chunk))
      yield chunk

  digest = hashing.of_chunks(chunks(), images.shape, images.dtype)
  return ExampleSet(name, images, all(grays), digest)


def matched(real: ExampleSet, fake: ExampleSet, keys: tuple[str, str]) -> tuple[ExampleSet, ExampleSet]:
  """Returns both sets with the same number of channels: 1 if both are gray, and 3 otherwise.

  Args:
    real: the real examples.
    fake: the samples.
    keys: the flags or arguments that gave the sets, for errors.

  Raises:
    ConfigError: the examples of both sets differ in their shapes.
  """
  if real.modality is fake.modality is modalities.IMAGES:
    channels = 1 if real.is_gray and fake.is_gray else 3
    real, fake = real.with_channels(channels), fake.with_channels(channels)
  one, other = (f'{key}={each.name}' for key, each in zip(keys, (real, fake), strict=True))
  check_shapes(real.examples.shape, fake.examples.shape, one, other)
  return real, fake


def check_shapes(real: tuple[int, ...], fake: tuple[int, ...], one: str, other: str) -> None:
  """Raises ConfigError unless sets of the shapes [N, ...] have examples of one shape.

  Args:
    real: the shape of the real examples.
    fake: the shape of the samples.
    one: what the real examples are called.
    other: what the samples are called.
  """
  if real[1:] != fake[1:]:
    raise ConfigError(
      f'{one}: examples of shape {real[1:]}, and {other} has {fake[1:]} (one shape); '
      'resize one of the sets'
    )
