"""A cache of decoded images: the first run decodes them into a file that later runs read.

The file is in the cache folder. Its name is a digest of the source files and of the framing. It exists
complete or not at all. Processes on one machine wait for the process that decodes.
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
from gan_jax.data.pipeline.decode import BadImageError, Framing
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.runtime import processes

_IMAGES = 'images.bin'
_LABELS = 'labels.npy'
_INDEX = 'index.json'
_FORMAT = '2'
_CHUNK = 64
_NAMED = 3
_OTHER_CACHE = f'set {cache.VARIABLE} to another folder'


class Entry(NamedTuple):
  """A file that should be an image: its name, a function that reads it, its label or -1 for none."""

  name: str
  content: Callable[[], bytes]
  label: int = -1


class Listing(NamedTuple):
  """The image files of a dataset, in a fixed order.

  Attributes:
    name: the name of the dataset, for messages.
    digest: a text that changes when any of the files changes.
    count: the number of files.
    read: (first, last) -> the entries from `first` to last - 1; safe to call from several threads.
    classes: the names of the labels 0, 1, .... Labels are used only if there are at least two classes
      and every image has a label.
    remedy: the advice for a dataset with too many corrupt files.
  """

  name: str
  digest: str
  count: int
  read: Callable[[int, int], Sequence[Entry]]
  classes: tuple[str, ...] = ()
  remedy: str = 'fix them, move them away, or raise data.max_corrupt_fraction'


class DecodedImages(NamedTuple):
  """Decoded images on the disk.

  Attributes:
    images: the images, in the order of the listing.
    labels: the label of each image, int32 [N].
    digest: the digest of all images, see `hashing.of_array`.
    skipped: pairs (name, reason), one per file that cannot be used.
  """

  images: Rows
  labels: np.ndarray
  digest: str
  skipped: list[tuple[str, str]]


def load_image_set(listing: Listing, framing: Framing, max_corrupt_fraction: float) -> ImageSet:
  """Returns the images of a listing with their labels, see `load_or_decode`."""
  decoded = load_or_decode(listing, framing, max_corrupt_fraction)
  has_labels = len(listing.classes) > 1 and decoded.labels.min() >= 0
  return ImageSet(
    decoded.images,
    labels=decoded.labels if has_labels else None,
    name=listing.name,
    digest=decoded.digest,
    classes=listing.classes if has_labels else (),
  )


def load_or_decode(listing: Listing, framing: Framing, max_corrupt_fraction: float) -> DecodedImages:
  """Loads the images of a listing from the cache, or decodes them into it.

  Args:
    listing: the files.
    framing: the crop, the size, and the channels of the images.
    max_corrupt_fraction: fraction of the files, in [0, 1], that may be skipped as corrupt.

  Raises:
    ConfigError: a setting is out of its range, more files are corrupt, no file is an image, images
      differ in size while `framing` keeps their sizes, or the disk is full.
  """
  decode.check(framing)
  if not 0 <= max_corrupt_fraction <= 1:
    raise ConfigError(
      f'data.max_corrupt_fraction={max_corrupt_fraction}: out of range (a number from 0 to 1); '
      'change data.max_corrupt_fraction'
    )
  settings = {key: str(value) for key, value in framing._asdict().items()}
  identity = {'listing': listing.digest, 'format': _FORMAT, **settings}
  folder = cache.folder() / 'images' / hashing.of_texts(identity)[:24]
  with _locked(folder):
    decoded = _load(folder)
    if decoded is None:
      fill = functools.partial(_decode, listing, framing, max_corrupt_fraction)
      _create(folder, fill, listing.name)
      decoded = _load(folder)
      assert decoded is not None, folder
  _check_fraction(listing, decoded.skipped, max_corrupt_fraction)
  _warn_of_skipped(listing, decoded.skipped, folder)
  return decoded


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Generator[None, None, None]:
  """Locks a cache entry for this process; other processes wait."""
  try:
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = open(folder.parent / f'.{folder.name}.lock', 'a')  # noqa: SIM115, closed below
  except OSError as error:
    raise ConfigError(
      f'{cache.VARIABLE}: the cache {folder.parent} cannot be written to ({error.strerror}); '
      f'{_OTHER_CACHE}'
    ) from error
  with lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      print(f'waiting for a process that decodes the same images into {folder}', flush=True)
      fcntl.flock(lock, fcntl.LOCK_EX)
    yield


def _load(folder: pathlib.Path) -> DecodedImages | None:
  """Returns the images in a folder; None if they are missing or incomplete."""
  try:
    index = json.loads((folder / _INDEX).read_text())
    images = Rows(folder / _IMAGES, tuple(index['shape']))
    labels = np.load(folder / _LABELS)
    if labels.shape != (len(images),):
      raise ValueError(f'{labels.size} labels for {len(images)} images')
    return DecodedImages(images, labels, index['digest'], index['skipped'])
  except FileNotFoundError:
    return None
  except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
    console.warn(f'{folder} is corrupt ({error}); the images are decoded again')
    return None


def _create(folder: pathlib.Path, fill: Callable[[pathlib.Path], None], name: str) -> None:
  """Creates a complete folder or none, and removes the remains of killed processes."""
  draft = folder.with_name(f'.{folder.name}.draft')
  shutil.rmtree(draft, ignore_errors=True)
  draft.mkdir()
  try:
    fill(draft)
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)
  except OSError as error:
    raise ConfigError(
      f'data.name={name}: the decoded images cannot be written to {draft} ({error.strerror}); '
      f'{_OTHER_CACHE}'
    ) from error
  finally:
    shutil.rmtree(draft, ignore_errors=True)


class _Chunk(NamedTuple):
  """The decoded images of a few files."""

  images: list[np.ndarray]
  names: list[str]
  labels: list[int]
  skipped: list[tuple[str, str]]


def _decode_chunk(listing: Listing, framing: Framing, first: int) -> _Chunk:
  chunk = _Chunk([], [], [], [])
  for entry in listing.read(first, min(first + _CHUNK, listing.count)):
    try:
      chunk.images.append(decode.pixels(entry.content(), framing))
    except BadImageError as error:
      chunk.skipped.append((entry.name, str(error)))
      continue
    except OSError as error:
      # The file may be intact and readable later, while a file skipped now stays out of the cache.
      raise ConfigError(
        f'data.name={listing.name}: {entry.name} cannot be read ({error.strerror}); check the file '
        'and its disk'
      ) from error
    chunk.names.append(entry.name)
    chunk.labels.append(entry.label)
  return chunk


def _decode(
  listing: Listing, framing: Framing, max_corrupt_fraction: float, folder: pathlib.Path
) -> None:
  """Writes all images of a listing to a folder."""
  labels, skipped, first = [], [], None
  print(f'decoding {listing.count:,} images of {listing.name}, once', flush=True)
  bar = tqdm(total=listing.count, unit='image', desc=f'decoding {listing.name}', disable=None)
  work = prefetch.mapped(functools.partial(_decode_chunk, listing, framing), 0, _CHUNK, listing.count)
  with open(folder / _IMAGES, 'wb') as file, work as chunks, bar:
    for chunk in chunks:
      skipped += chunk.skipped
      _check_fraction(listing, skipped, max_corrupt_fraction)
      for image, name in zip(chunk.images, chunk.names, strict=True):
        first = first or _FirstImage(name, image.shape)
        first.check(name, image)
        file.write(image)
      labels += chunk.labels
      bar.update(len(chunk.labels) + len(chunk.skipped))
    os.fsync(file.fileno())
  if first is None:
    raise ConfigError(
      f'data.name={listing.name}: it contains no images (PNG, JPEG, or WebP files); choose another'
    )
  shape = (len(labels), *first.shape)
  rows = Rows(folder / _IMAGES, shape)
  row_chunks = (rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK))
  digest = hashing.of_chunks(row_chunks, shape, np.uint8)
  np.save(folder / _LABELS, np.array(labels, np.int32))
  index = {'name': listing.name, 'shape': shape, 'digest': digest, 'skipped': skipped}
  (folder / _INDEX).write_text(json.dumps(index, indent=1))


class _FirstImage(NamedTuple):
  """The first image, whose shape all images must have."""

  name: str
  shape: tuple[int, int, int]

  def check(self, name: str, image: np.ndarray) -> None:
    if image.shape != self.shape:
      first, other = (' x '.join(map(str, shape[:2])) for shape in (self.shape, image.shape))
      raise ConfigError(
        f'data.size=0: images differ in size ({self.name}: {first}, {name}: {other}); '
        'set data.size, to which all images are resized'
      )


def _check_fraction(listing: Listing, skipped: Sequence, max_corrupt_fraction: float) -> None:
  if len(skipped) > max_corrupt_fraction * listing.count:
    raise ConfigError(
      f'data.name={listing.name}: more than {max_corrupt_fraction:.1%} of its {listing.count:,} files '
      f'are corrupt or unsupported: {_first_reasons(skipped)}; {listing.remedy}'
    )


def _warn_of_skipped(listing: Listing, skipped: Sequence, folder: pathlib.Path) -> None:
  if skipped and processes.is_primary():
    console.warn(
      f'{len(skipped):,} of {listing.count:,} files of {listing.name} are skipped: '
      f'{_first_reasons(skipped)}; all are named in {folder / _INDEX}'
    )


def _first_reasons(skipped: Sequence) -> str:
  text = ', '.join(f'{name} ({reason})' for name, reason in skipped[:_NAMED])
  return f'{text} ...' if len(skipped) > _NAMED else text
