"""Pictures decoded once: the first time they are asked for, into a file that later runs read.

It lies in the cache folder, under a name that says what the pictures are and how they are framed, and
is there whole or not at all. Processes of one machine wait for the one that makes it.
"""

import contextlib
import fcntl
import functools
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from gan_jax.common import cache, console, hashing
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import decode, prefetch
from gan_jax.data.pipeline.array_file import Rows
from gan_jax.data.pipeline.decode import BadPictureError, Framing
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.runtime import processes

_IMAGES, _LABELS, _INDEX = 'images.bin', 'labels.npy', 'index.json'
_FORMAT = '2'
_AT_ONCE = 64
_NAMED = 3


class Entry(NamedTuple):
  """A file that should hold a picture: its name, how to read it, and its label, -1 for none."""

  name: str
  content: Callable[[], bytes]
  label: int = -1


class Listing(NamedTuple):
  """Files of pictures, in a fixed order.

  Attributes:
    name: of the set, for a person.
    digest: changes when any of the files does.
    count: how many.
    read: (first, last) -> those from `first` to last - 1; threads call it at once.
    classes: the names of the labels 0, 1, ...; without a second, or where a picture has none, there are
      no labels.
    remedy: what a person can do where too many are bad.
  """

  name: str
  digest: str
  count: int
  read: Callable[[int, int], Sequence[Entry]]
  classes: tuple[str, ...] = ()
  remedy: str = 'mend them, move them away, or raise data.max_corrupt_fraction'


def decoded(listing: Listing, how: Framing, max_corrupt_fraction: float) -> ImageSet:
  """The pictures of a listing with their labels, see `kept`."""
  found = kept(listing, how, max_corrupt_fraction)
  classed = len(listing.classes) > 1 and found.labels.min() >= 0
  labels, classes = (found.labels, listing.classes) if classed else (None, ())
  return ImageSet(found.images, labels, listing.name, digest=found.digest, classes=classes)


class Kept(NamedTuple):
  """Decoded pictures on the disk.

  Attributes:
    images: the pictures, in the order of the listing.
    labels: int32 [N], the label of the entry of each picture.
    digest: of all images, see `hashing.of_array`.
    skipped: pairs of the name of a bad file and what is wrong with it.
  """

  images: Rows
  labels: np.ndarray
  digest: str
  skipped: list[tuple[str, str]]


def kept(listing: Listing, how: Framing, max_corrupt_fraction: float) -> Kept:
  """Decodes the pictures of a listing, or finds them decoded.

  Args:
    listing: the files.
    how: they are framed.
    max_corrupt_fraction: fraction of the files, in [0, 1], that may be skipped as corrupt.

  Raises:
    ConfigError: a setting out of its range, more bad files, none that is good, pictures of several
      sizes where `how` leaves them as they are, or no room on the disk.
  """
  decode.check(how)
  if not 0 <= max_corrupt_fraction <= 1:
    raise ConfigError(f'data.max_corrupt_fraction is {max_corrupt_fraction}; it must be from 0 to 1')
  parts = {'listing': listing.digest, 'format': _FORMAT, **_texts(how)}
  place = cache.folder() / 'images' / hashing.of_texts(parts)[:24]
  with _alone(place):
    found = _kept(place)
    if found is None:
      _make(place, functools.partial(_decode, listing, how, max_corrupt_fraction))
      found = _kept(place)
      assert found is not None, place
  _check_share(listing, found.skipped, max_corrupt_fraction)
  _tell(listing, found.skipped, place)
  return found


def _texts(how: Framing) -> dict[str, str]:
  return {key: str(value) for key, value in how._asdict().items()}


@contextlib.contextmanager
def _alone(place: pathlib.Path) -> Generator[None, None, None]:
  """Holds the place for this process; another waits."""
  try:
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = open(place.parent / f'.{place.name}.lock', 'a')  # noqa: SIM115, closed below
  except OSError as error:
    raise ConfigError(
      f'the cache {place.parent} cannot be written to ({error.strerror}); XDG_CACHE_HOME names another'
    ) from error
  with lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      print(f'waiting for a process that decodes the same pictures into {place}', flush=True)
      fcntl.flock(lock, fcntl.LOCK_EX)
    yield


def _kept(place: pathlib.Path) -> Kept | None:
  """The pictures in a place; None if there are none, or not all that belongs to them."""
  try:
    index = json.loads((place / _INDEX).read_text())
    images, labels = Rows(place / _IMAGES, tuple(index['shape'])), np.load(place / _LABELS)
    if labels.shape != (len(images),):
      raise ValueError(f'there are {labels.size} labels of {len(images)} pictures')
    return Kept(images, labels, index['digest'], index['skipped'])
  except FileNotFoundError:
    return None
  except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
    console.warn(f'{place} is broken ({error}); the pictures are decoded anew')
    return None


def _make(place: pathlib.Path, fill: Callable[[pathlib.Path], None]) -> None:
  """Makes a folder whole, or leaves nothing; what killed processes left is removed."""
  draft = place.with_name(f'.{place.name}.draft')
  shutil.rmtree(draft, ignore_errors=True)
  draft.mkdir()
  try:
    fill(draft)
    shutil.rmtree(place, ignore_errors=True)
    draft.replace(place)
  except OSError as error:
    raise ConfigError(f'{draft}: {error.strerror}; XDG_CACHE_HOME names another folder') from error
  finally:
    shutil.rmtree(draft, ignore_errors=True)


class _Part(NamedTuple):
  """What came of some files."""

  images: list[np.ndarray]
  names: list[str]
  labels: list[int]
  skipped: list[tuple[str, str]]


def _part(listing: Listing, how: Framing, first: int) -> _Part:
  part = _Part([], [], [], [])
  for entry in listing.read(first, min(first + _AT_ONCE, listing.count)):
    try:
      part.images.append(decode.pixels(entry.content(), how))
    except BadPictureError as error:
      part.skipped.append((entry.name, str(error)))
      continue
    except OSError as error:
      # It may be whole, and readable tomorrow: what is left out now would be left out for good.
      raise ConfigError(f'{listing.name}: {entry.name} cannot be read ({error.strerror})') from error
    part.names.append(entry.name)
    part.labels.append(entry.label)
  return part


def _decode(listing: Listing, how: Framing, max_corrupt_fraction: float, folder: pathlib.Path) -> None:
  """Leaves all pictures of a listing in a folder."""
  labels, skipped, first = [], [], None
  print(f'decoding {listing.count:,} pictures of {listing.name}, once', flush=True)
  bar = tqdm(total=listing.count, unit='picture', desc=f'decoding {listing.name}', disable=None)
  work = prefetch.mapped(functools.partial(_part, listing, how), 0, _AT_ONCE, listing.count)
  with open(folder / _IMAGES, 'wb') as file, work as parts, bar:
    for part in parts:
      skipped += part.skipped
      _check_share(listing, skipped, max_corrupt_fraction)
      for image, name in zip(part.images, part.names, strict=True):
        first = first or _First(name, image.shape)
        first.check(name, image)
        file.write(image)
      labels += part.labels
      bar.update(len(part.labels) + len(part.skipped))
    os.fsync(file.fileno())
  if first is None:
    raise ConfigError(f'{listing.name} holds no picture')
  shape = (len(labels), *first.shape)
  rows = Rows(folder / _IMAGES, shape)
  parts = (rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE))
  digest = hashing.of_parts(parts, shape, np.uint8)
  np.save(folder / _LABELS, np.array(labels, np.int32))
  index = {'name': listing.name, 'shape': shape, 'digest': digest, 'skipped': skipped}
  (folder / _INDEX).write_text(json.dumps(index, indent=1))


class _First(NamedTuple):
  """The first picture, of whose shape all must be."""

  name: str
  shape: tuple[int, int, int]

  def check(self, name: str, image: np.ndarray) -> None:
    if image.shape != self.shape:
      here, there = (' x '.join(map(str, shape[:2])) for shape in (self.shape, image.shape))
      raise ConfigError(
        f'pictures are of several sizes ({self.name}: {here}, {name}: {there}); '
        'set data.size, to which all are resized'
      )


def _check_share(listing: Listing, skipped: Sequence, max_corrupt_fraction: float) -> None:
  if len(skipped) > max_corrupt_fraction * listing.count:
    raise ConfigError(
      f'of {listing.count:,} files of {listing.name} more than {max_corrupt_fraction:.1%} are no '
      f'pictures to train on: {_some(skipped)}; {listing.remedy}'
    )


def _tell(listing: Listing, skipped: Sequence, place: pathlib.Path) -> None:
  if skipped and processes.is_primary():
    console.warn(
      f'{len(skipped):,} of {listing.count:,} files of {listing.name} are skipped: {_some(skipped)}; '
      f'all are named in {place / _INDEX}'
    )


def _some(skipped: Sequence) -> str:
  said = [f'{name} ({why})' for name, why in skipped[:_NAMED]]
  return ', '.join(said) + (' ...' if len(skipped) > _NAMED else '')
