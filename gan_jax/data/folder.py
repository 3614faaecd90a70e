"""The user's images, `folder:<path>`: PNG, JPEG, and WebP files in a folder or a zip archive.

The Toronto Face Database, which is not publicly available, can be used as such a folder: see
docs/data.md.
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
from gan_jax.data.pipeline.contents import LINK, Contents, first_names, printable, summary
from gan_jax.data.pipeline.decode import BadImageError, Framing
from gan_jax.data.pipeline.decoded_cache import DecodedImages, Entry, Listing
from gan_jax.data.pipeline.held_out import place_fraction
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.data.source import Source
from gan_jax.runtime import processes


def load(
  seed: int,
  batch_size: int,
  placement: str,
  suffix: str,
  *,
  size: int = 0,
  crop: int = 0,
  channels: int = 3,
  filter: str = 'lanczos',
  background: int = 255,
  flip: bool = False,
  max_corrupt_fraction: float = 0.05,
  held_out: float = 0.0,
) -> Source:
  """Returns a source of the images in a folder, decoded once; see `decode.pixels` for the formats.

  Every file should be an image. Hidden files and folders, text files, and files of a desktop are
  ignored, and one line reports them. Links to folders are followed, each folder once. Broken links,
  pipes, and devices count as corrupt files.

  If all images are in at least two subfolders, these are the classes, in the order of their names. A
  `dataset.json` gives the labels instead, see `stylegan_labels.labels`. A zip archive is read like the
  folder that was packed, without unpacking it.

  Args:
    seed: the seed of the shuffled order.
    batch_size: the global batch size.
    placement: see `placement.place`.
    suffix: the path of the folder or the archive.
    size: height and width of the images that the network takes; 0 keeps the size of the files, which
      must then be equal.
    crop: the side of the central square that is cropped before resizing; 0 for the largest.
    channels: 3, or 1 for gray.
    filter: the filter for resizing, see `decode.FILTERS`.
    background: the gray value, 0 to 255, behind transparent pixels.
    flip: whether to mirror each image left to right with probability one half.
    max_corrupt_fraction: fraction of the files, in [0, 1], that may be skipped as corrupt.
    held_out: the expected fraction of images that training never sees; at least 0, below 1. A digest of
      the path of a file below the folder, without its ending, decides. The images stay in their parts
      when you add or remove others.

  Raises:
    ConfigError: the folder or archive does not exist, has no images, or cannot be read; its
      `dataset.json` is invalid; or a setting is out of its range.
  """
  framing = Framing(size, crop, channels, filter, background)
  contents = _contents(suffix)
  name = f'folder:{printable(suffix)}'
  labels = stylegan_labels.labels(contents, name)
  files = sorted(contents.files.keys() | contents.unusable.keys())
  _report_ignored(
    name, contents.ignored if labels is None else stylegan_labels.without_file(contents.ignored)
  )
  if not files:
    raise ConfigError(_empty_error(name, contents))
  listing = _listing(name, files, contents, labels)
  decoded = decoded_cache.load_or_decode(listing, framing, max_corrupt_fraction)
  indices = _decoded_indices(files, decoded)
  images = ImageSet(
    decoded.images,
    name=name,
    digest=decoded.digest,
    indices=indices if len(indices) < len(files) else None,
  )
  if labels:
    images = images._replace(labels=decoded.labels)
  elif labels is None:
    images = _with_classes(images, listing, decoded, contents.folders)
  paths = (os.path.splitext(files[index])[0].encode(errors='surrogateescape') for index in indices)
  return place_fraction(images, paths, held_out, seed, batch_size, placement, flip)


def _contents(path: str) -> Contents:
  """Returns the contents of a folder or an archive."""
  root = pathlib.Path(os.path.expanduser(path))
  if path and root.is_dir():
    return folder_tree.walk(root)
  if path and root.is_file() and (root.suffix.lower() == '.zip' or zipfile.is_zipfile(root)):
    return zip_archive.members(root)
  raise ConfigError(
    f'data.name=folder:{printable(path)}: no such folder or zip archive (in {os.getcwd()}); '
    'set data.name to folder:PATH of a folder or a zip archive of images'
  )


def _empty_error(name: str, contents: Contents) -> str:
  ignored = summary(contents.ignored)
  exception = f', except for {ignored}' if ignored else ''
  return f'data.name={name}: the folder is empty{exception}; choose a folder with images'


def _report_ignored(name: str, ignored: Mapping[str, Sequence[str]]) -> None:
  """Prints the names of ignored entries, with a warning for links, whose images users may expect."""
  if not processes.is_primary():
    return
  links = ignored.get(LINK, ())
  if links:
    console.warn(
      f'{name}: links to folders that are already read or that contain the link are not followed, '
      f'{len(links):,} in total: {first_names(links)}'
    )
  expected = summary({reason: names for reason, names in ignored.items() if reason != LINK})
  if expected:
    print(f'ignored in {name}: {expected}', flush=True)


def _listing(
  name: str, files: Sequence[str], contents: Contents, labels: Mapping[str, int] | None
) -> Listing:
  """Returns the listing of files in the order of their names.

  Args:
    name: the name of the dataset.
    files: the names of all files, including unusable ones.
    contents: the contents of the folder.
    labels: {file: label}; None to use the folders as labels.
  """
  classes: tuple[str, ...] = ()
  if labels is None:
    classes = tuple(sorted({_top_folder(file) for file in files} - {''}))
    numbers = {folder: label for label, folder in enumerate(classes)}
    labels = {file: numbers.get(_top_folder(file), -1) for file in files}

  def read(first: int, last: int) -> list[Entry]:
    return [
      Entry(printable(file), functools.partial(_content, contents, file), labels.get(file, -1))
      for file in files[first:last]
    ]

  state = {
    **contents.files,
    **{file: f'bad: {reason}' for file, reason in contents.unusable.items()},
    # The name of a file does not end with a slash.
    **{f'{reason}/': '/ '.join(names) for reason, names in contents.ignored.items()},
    'labels/': hashing.of_texts({file: str(label) for file, label in labels.items()}),
  }
  return Listing(name, hashing.of_texts(state), len(files), read, classes)


def _top_folder(file: str) -> str:
  """Returns the folder directly below the root that contains a file, or ''."""
  folder, slash, _ = file.partition('/')
  return folder if slash else ''


def _decoded_indices(files: Sequence[str], decoded: DecodedImages) -> np.ndarray:
  """Returns the indices, in the listing, of the files that are images, int [N]."""
  skipped = {name for name, _ in decoded.skipped}
  return np.array([index for index, file in enumerate(files) if printable(file) not in skipped])


def _content(contents: Contents, file: str) -> bytes:
  if file in contents.unusable:
    raise BadImageError(contents.unusable[file])
  return contents.read(file)


def _with_classes(
  images: ImageSet, listing: Listing, decoded: DecodedImages, folders: frozenset[str]
) -> ImageSet:
  """Labels images with their folders, if at least two folders contain all of them.

  Warns of folders without an image, and of images outside the folders, which prevent labels.
  """
  counts = np.bincount(decoded.labels[decoded.labels >= 0], minlength=len(listing.classes))
  used = np.flatnonzero(counts)
  outside = int((decoded.labels < 0).sum())
  unused = sorted({*folders, *listing.classes} - {listing.classes[label] for label in used})
  if unused:
    text = (
      f'{listing.name}: some folders contain no readable image, {len(unused):,} in total: '
      f'{first_names(unused)}'
    )
    if len(used) < 2 <= len(listing.classes):
      text += '; too few folders remain for labels'
    _warn(text)
  if outside and len(used) > 1:
    _warn(
      f'{listing.name}: images are outside its {len(used)} folders, {outside:,} in total, so the '
      'dataset has no labels; move them into folders to get labels'
    )
  if outside or len(used) < 2:
    return images
  labels = np.searchsorted(used, decoded.labels).astype(np.int32)
  return images._replace(labels=labels, classes=tuple(listing.classes[label] for label in used))


def _warn(text: str) -> None:
  if processes.is_primary():
    console.warn(text)
