"""The contents of a folder or an archive of images, and the reasons to ignore an entry."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

HIDDEN = 'hidden'
COMPANION = 'text and system files'
LINK = 'links to folders'
"""Reasons to ignore an entry. A link is ignored if the same folder is read elsewhere."""

MOST_BYTES = 2**29
"""Maximum size of a file. An uncompressed image with 16 bits per channel needs no more."""

_TEXTS = (
  'txt',
  'text',
  'json',
  'jsonl',
  'csv',
  'tsv',
  'md',
  'rst',
  'xml',
  'yaml',
  'yml',
  'html',
  'log',
)
_NAMES = frozenset(('thumbs.db', 'ehthumbs.db', 'desktop.ini', 'readme', 'license'))
# macOS writes this folder into archives, with a hidden file for each real one.
_OF_SYSTEMS = frozenset(('__MACOSX',))
_NAMED = 3


class Contents(NamedTuple):
  """The contents of a folder or an archive. A name is the path below its root, with slashes.

  Attributes:
    files: {name: text that changes when the file changes}, for files that should be images.
    unusable: {name: reason}, for entries that cannot be images, e.g. broken symbolic links.
    ignored: {reason: names}, for entries that are not meant to be images.
    folders: the names of the folders directly below the root.
    read: name -> the bytes of the file; safe to call from several threads. It raises BadImageError
      for a corrupt file and OSError for a file that cannot be read.
  """

  files: Mapping[str, str]
  unusable: Mapping[str, str]
  ignored: Mapping[str, Sequence[str]]
  folders: frozenset[str]
  read: Callable[[str], bytes]


def is_hidden(name: str) -> bool:
  """Returns whether one component of a path is hidden, or a system folder."""
  return name.startswith('.') or name in _OF_SYSTEMS


def is_companion(name: str) -> bool:
  """Returns whether a file commonly accompanies images: notes, labels, or files of a desktop."""
  path = pathlib.PurePosixPath(name.lower())
  return path.name in _NAMES or path.suffix[1:] in _TEXTS


def too_large(size: int) -> str:
  """Returns why a file of this many bytes cannot be an image, or '' if it can."""
  return f'its {size:,} bytes are more than {MOST_BYTES:,}' if size > MOST_BYTES else ''


def first_names(names: Sequence[str]) -> str:
  """Returns the first few names, joined by commas, with dots if more follow."""
  text = ', '.join(map(printable, names[:_NAMED]))
  return f'{text} ...' if len(names) > _NAMED else text


def printable(name: str) -> str:
  """Returns the name of a file as printable text, with bytes that are not text as escapes."""
  return name.encode(errors='backslashreplace').decode().replace('\\udc', '\\x')


def summary(ignored: Mapping[str, Sequence[str]]) -> str:
  """Returns the number of ignored entries and the first few names, for each reason."""
  return ', '.join(
    f'{reason}: {len(names):,} ({first_names(names)})' for reason, names in ignored.items() if names
  )
