"""A person's own pictures: `folder:<path>`, PNG, JPEG and WebP files in a folder and those inside it.

The Toronto Face Database, which cannot be downloaded by everybody, is such a folder: see the README.
"""

import os
import pathlib
from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from gan_jax import digests
from gan_jax.data import Source
from gan_jax.data.decoded import Entry, Listing, decoded
from gan_jax.data.framing import Framing
from gan_jax.data.placing import ImageSet, place
from gan_jax.errors import ConfigError


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
  bad_share: float = 0.05,
) -> Source:
  """The pictures of a folder, decoded once; see `framing.pixels` for what is read, and how.

  Folders and files whose name begins with a dot are passed over; every other file should be a picture.
  Where all pictures lie in folders inside the folder, two at least, these are their classes, in the
  order of their names. Folders that are links are not entered.

  Args:
    seed: of the order.
    batch_size: global.
    placement: see `placing.place`.
    of: the path of the folder.
    size: height and width of what the network sees; 0: as the pictures are, which must then be of one
      size.
    crop: the side of the square in the middle that is kept before resizing; 0: the largest there is.
    channels: 3, or 1 for grey.
    filter: to resize by, see `framing.FILTERS`.
    background: a grey from 0 to 255 that lies behind transparent pictures.
    flip: whether every second picture, by chance, is mirrored left to right.
    bad_share: how many of the files, in [0, 1], may be bad before that is an error.

  Raises:
    ConfigError: no such folder, no pictures in it, or a setting out of its range.
  """
  how = Framing(size, crop, channels, filter, background)
  images = _with_used_classes(decoded(_listing(of), how, bad_share))
  return place(images, seed, batch_size, placement, flip)


def _with_used_classes(images: ImageSet) -> ImageSet:
  """Without the folders that hold no picture."""
  if images.labels is None:
    return images
  used, labels = np.unique(images.labels, return_inverse=True)
  if len(used) < 2:
    return images._replace(labels=None, classes=())
  classes = tuple(images.classes[label] for label in used)
  return images._replace(labels=labels.astype(np.int32), classes=classes)


def _listing(of: str) -> Listing:
  root = pathlib.Path(os.path.expanduser(of))
  if not of or not root.is_dir():
    raise ConfigError(
      f'there is no folder {of!r}; name one of pictures: --config.data.name=folder:/path/to/pictures'
    )
  files = sorted(_files(root))
  if not files:
    raise ConfigError(f'the folder {root} is empty, but for what is hidden and folders that are links')
  classes = tuple(sorted({name.partition('/')[0] for name, _ in files if '/' in name}))
  places = {name: label for label, name in enumerate(classes)}

  def read(first: int, last: int) -> list[Entry]:
    return [
      Entry(_printable(name), (root / name).read_bytes, places.get(name.partition('/')[0], -1))
      for name, _ in files[first:last]
    ]

  return Listing(f'folder:{of}', digests.of_texts(dict(files)), len(files), read, classes)


def _printable(name: str) -> str:
  """A name of a file may hold bytes that are no text."""
  return os.fsencode(name).decode(errors='backslashreplace')


def _refuse(error: OSError) -> NoReturn:
  raise ConfigError(f'the folder {error.filename} cannot be read ({error.strerror})') from error


def _files(root: pathlib.Path) -> Iterator[tuple[str, str]]:
  """Of every file its name below the root, and its size and times.

  What unpacks an archive may set the time of a change, but not that of the change of its entry.
  """
  for folder, inside, names in os.walk(root, onerror=_refuse):
    inside[:] = [name for name in inside if not name.startswith('.')]
    for name in names:
      path = pathlib.Path(folder, name)
      if name.startswith('.') or not path.is_file():
        continue
      found = path.stat()
      times = f'{found.st_mtime_ns} {found.st_ctime_ns}'
      yield path.relative_to(root).as_posix(), f'{found.st_size} {times}'
