"""A person's own pictures: `folder:<path>`, PNG, JPEG and WebP files in a folder or a zip archive.

The Toronto Face Database, which cannot be downloaded by everybody, is such a folder: see the README.
"""

import functools
import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from gan_jax.common import console, hashing
from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import decoded_cache, folder_tree, stylegan_labels, zip_archive
from gan_jax.data.pipeline.contents import LINK, Contents, in_words, printable, some
from gan_jax.data.pipeline.decode import BadPictureError, Framing
from gan_jax.data.pipeline.decoded_cache import Entry, Listing
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.source import Source
from gan_jax.runtime import processes


def load(
  seed: int,
  batch_size: int,
  placement: str,
  of: str,
  *,
  size: int = 0,
  crop: int = 0,
  channels: int = 3,
  filter: str = 'lanczos',
  background: int = 255,
  flip: bool = False,
  max_corrupt_fraction: float = 0.05,
) -> Source:
  """The pictures of a folder, decoded once; see `framing.pixels` for what is read, and how.

  Every file should be a picture. Hidden files and folders, text files and files of a desktop are passed
  over, and one line says so. Links to folders are followed, each folder once. Links to nothing, pipes
  and devices count as bad files.

  Where all pictures lie in folders inside the folder, two at least, these are their classes, in the
  order of their names. A `dataset.json` gives the labels instead, see `stylegan.labels`. A zip archive
  is read like the folder that was packed, without unpacking it.

  Args:
    seed: of the order.
    batch_size: global.
    placement: see `placing.place`.
    of: the path of the folder or the archive.
    size: height and width of what the network sees; 0: as the pictures are, which must then be of one
      size.
    crop: the side of the square in the middle that is kept before resizing; 0: the largest there is.
    channels: 3, or 1 for grey.
    filter: to resize by, see `framing.FILTERS`.
    background: a grey from 0 to 255 that lies behind transparent pictures.
    flip: whether every second picture, by chance, is mirrored left to right.
    max_corrupt_fraction: how many of the files, in [0, 1], may be bad before that is an error.

  Raises:
    ConfigError: there is no such folder or archive, there are no pictures in it, it cannot be read,
      its `dataset.json` is wrong, or a setting is out of its range.
  """
  how = Framing(size, crop, channels, filter, background)
  found, name = _found(of), f'folder:{printable(of)}'
  labels = stylegan_labels.labels(found, name)
  names = sorted(found.files.keys() | found.bad.keys())
  _tell(name, found.passed if labels is None else stylegan_labels.without_file(found.passed))
  if not names:
    raise ConfigError(_emptiness(of, found))
  listing = _listing(name, names, found, labels)
  kept = decoded_cache.kept(listing, how, max_corrupt_fraction)
  images = ImageSet(kept.images, name=name, digest=kept.digest)
  if labels:
    images = images._replace(labels=kept.labels)
  elif labels is None:
    images = _with_classes(images, listing, kept, found.folders)
  return place(images, seed, batch_size, placement, flip)


def _found(of: str) -> Contents:
  """Returns what lies in the folder or the archive of this path."""
  root = pathlib.Path(os.path.expanduser(of))
  if of and root.is_dir():
    return folder_tree.walk(root)
  if of and root.is_file() and (root.suffix.lower() == '.zip' or zipfile.is_zipfile(root)):
    return zip_archive.members(root)
  raise ConfigError(
    f'there is no folder {printable(of)!r} and no zip archive of this name (in {os.getcwd()}); set '
    'data.name to folder:PATH of a folder or an archive of pictures'
  )


def _emptiness(of: str, found: Contents) -> str:
  passed = in_words(found.passed)
  return f'the folder {printable(of)} is empty' + (f', except for {passed}' if passed else '')


def _tell(name: str, passed: Mapping[str, Sequence[str]]) -> None:
  """Prints the names that are passed over, as a warning if a user may miss them."""
  if not processes.is_primary():
    return
  links = passed.get(LINK, ())
  if links:
    console.warn(
      f'{name}: links to folders that are read already, or that hold the link, are not followed, '
      f'{len(links):,} in all: {some(links)}'
    )
  expected = in_words({why: names for why, names in passed.items() if why != LINK})
  if expected:
    print(f'passed over in {name}: {expected}', flush=True)


def _listing(
  name: str, names: Sequence[str], found: Contents, labels: Mapping[str, int] | None
) -> Listing:
  """Lists the files in the order of their names.

  Args:
    name: of the set.
    names: of the files, also of bad ones.
    found: the files.
    labels: of the files; None: their folders are the labels.
  """
  classes: tuple[str, ...] = ()
  if labels is None:
    classes = tuple(sorted({_top(file) for file in names} - {''}))
    numbers = {folder: label for label, folder in enumerate(classes)}
    labels = {file: numbers.get(_top(file), -1) for file in names}

  def read(first: int, last: int) -> list[Entry]:
    return [
      Entry(printable(file), functools.partial(_content, found, file), labels.get(file, -1))
      for file in names[first:last]
    ]

  state = {
    **found.files,
    **{file: f'bad: {why}' for file, why in found.bad.items()},
    # No name of a file ends so.
    **{f'{why}/': '/ '.join(passed) for why, passed in found.passed.items()},
    'labels/': hashing.of_texts({file: str(label) for file, label in labels.items()}),
  }
  return Listing(name, hashing.of_texts(state), len(names), read, classes)


def _top(file: str) -> str:
  """Returns the folder directly below the root that holds a file, or ''."""
  folder, slash, _ = file.partition('/')
  return folder if slash else ''


def _content(found: Contents, file: str) -> bytes:
  if file in found.bad:
    raise BadPictureError(found.bad[file])
  return found.read(file)


def _with_classes(
  images: ImageSet, listing: Listing, kept: decoded_cache.Kept, folders: frozenset[str]
) -> ImageSet:
  """Labels pictures with their folders, if all lie in folders and these are at least two.

  Warns of folders without a picture, and of a picture outside that costs the others their labels.
  """
  counts = np.bincount(kept.labels[kept.labels >= 0], minlength=len(listing.classes))
  used = np.flatnonzero(counts)
  outside = int((kept.labels < 0).sum())
  unused = sorted({*folders, *listing.classes} - {listing.classes[label] for label in used})
  lost = len(used) < 2 <= len(listing.classes)
  if unused:
    effect = '; too few folders are left for labels' if lost else ''
    _warn(
      f'{listing.name}: no picture can be read in some folders, {len(unused):,} in all: {some(unused)}'
      f'{effect}'
    )
  if outside and len(used) > 1:
    _warn(
      f'{listing.name}: pictures lie outside of its {len(used)} folders, {outside:,} in all, so there '
      'are no labels; move them into folders to have some'
    )
  if outside or len(used) < 2:
    return images
  labels = np.searchsorted(used, kept.labels).astype(np.int32)
  return images._replace(labels=labels, classes=tuple(listing.classes[label] for label in used))


def _warn(text: str) -> None:
  if processes.is_primary():
    console.warn(text)
