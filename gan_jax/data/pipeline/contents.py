"""The content of a folder or an archive of pictures, and the reasons to pass something over."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

HIDDEN, COMPANION, LINK = 'hidden', 'text and system files', 'links to folders'
"""Reasons to pass something over. A link is passed over if the same folder is read elsewhere."""

MOST_BYTES = 2**29
"""Limits the size of a file. Sixteen bits a channel without compression need no more."""

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
  """The content of a folder or an archive. A name is the path below its root, with slashes.

  Attributes:
    files: {name: a text that changes with the file}, of files that should hold pictures.
    bad: {name: why}, of entries that cannot hold a picture, e.g. a link to nothing.
    passed: {reason: names}, of what is passed over.
    folders: the names of folders directly below the root.
    read: name -> the content of the file; threads call it at once. It raises BadPictureError for a
      damaged file and OSError for one that cannot be read.
  """

  files: Mapping[str, str]
  bad: Mapping[str, str]
  passed: Mapping[str, Sequence[str]]
  folders: frozenset[str]
  read: Callable[[str], bytes]


def is_hidden(name: str) -> bool:
  """Returns whether one part of a path is hidden from a person."""
  return name.startswith('.') or name in _OF_SYSTEMS


def is_companion(name: str) -> bool:
  """Returns whether a file is one that lies beside pictures: notes, labels, files of a desktop."""
  path = pathlib.PurePosixPath(name.lower())
  return path.name in _NAMES or path.suffix[1:] in _TEXTS


def too_large(size: int) -> str:
  """Returns why a file of this many bytes cannot be a picture, or '' if it can."""
  return f'its {size:,} bytes are more than {MOST_BYTES:,}' if size > MOST_BYTES else ''


def some(names: Sequence[str]) -> str:
  """Returns the first few names, with dots if there are more."""
  dots = ' ...' if len(names) > _NAMED else ''
  return ', '.join(map(printable, names[:_NAMED])) + dots


def printable(name: str) -> str:
  """Returns a name as text: the name of a file may hold bytes that are no text."""
  return name.encode(errors='backslashreplace').decode().replace('\\udc', '\\x')


def in_words(passed: Mapping[str, Sequence[str]]) -> str:
  """Returns how many entries are passed over for each reason, with the first few names."""
  return ', '.join(f'{why}: {len(names):,} ({some(names)})' for why, names in passed.items() if names)
