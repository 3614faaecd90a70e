"""Finds the files of pictures in a folder, also through links to other folders."""

import errno
import heapq
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import NamedTuple

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.contents import (
  COMPANION,
  HIDDEN,
  LINK,
  Contents,
  is_companion,
  is_hidden,
  printable,
  too_large,
)

_TO_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_KINDS = {
  stat.S_ISFIFO: 'a pipe',
  stat.S_ISSOCK: 'a socket',
  stat.S_ISCHR: 'a device',
  stat.S_ISBLK: 'a device',
}

Identity = tuple[int, int]
"""The device and the inode of a folder."""


class _Folder(NamedTuple):
  """A folder to read.

  Attributes:
    name: below the root, '' for the root.
    path: of the folder.
    above: folders that hold it; a link to one of them would lead in a circle.
  """

  name: str
  path: str
  above: frozenset[Identity]


def walk(root: pathlib.Path) -> Contents:
  """Finds every file in a folder and in the folders inside it.

  A link to a folder is followed unless that folder is read already or holds the link. Folders that lie
  in the tree itself are read first, so links never change their names.

  Raises:
    ConfigError: a folder cannot be read.
  """
  walker = _Walker()
  walker.tree(_Folder('', str(root), _above(str(root))))
  while walker.links:
    walker.follow(heapq.heappop(walker.links))
  passed = {why: sorted(names) for why, names in walker.passed.items()}
  read = lambda name: (root / name).read_bytes()
  return Contents(walker.files, walker.bad, passed, frozenset(walker.folders), read)


def _identity(path: str) -> Identity:
  try:
    found = os.stat(path)
  except OSError as error:
    raise ConfigError(f'the folder {printable(path)} cannot be read ({error.strerror})') from error
  return found.st_dev, found.st_ino


def _above(path: str) -> frozenset[Identity]:
  return frozenset(_identity(str(parent)) for parent in pathlib.Path(os.path.realpath(path)).parents)


class _Walker:
  """Collects what lies in a tree.

  Attributes:
    files, bad, passed, folders: as of `Found`.
    links: a heap of links to folders, followed after all folders of the tree are read.
  """

  def __init__(self):
    self.files = {}
    self.bad = {}
    self.folders = set()
    self.passed = {HIDDEN: [], COMPANION: [], LINK: []}
    self.links: list[_Folder] = []
    self._seen: set[Identity] = set()

  def follow(self, link: _Folder) -> None:
    """Reads the folder to which a link leads, unless it is known."""
    target = _identity(link.path)
    if target in self._seen or target in link.above:
      self.passed[LINK].append(link.name)
      return
    self._note_folder(link.name)
    self.tree(link._replace(above=link.above | _above(link.path)), again=False)

  def tree(self, top: _Folder, again: bool = True) -> None:
    """Reads a folder and those inside it; known folders are passed over unless `again` is set."""
    waiting = [top]
    while waiting:
      folder = waiting.pop()
      identity = _identity(folder.path)
      if identity in self._seen and not again:
        self.passed[LINK].append(folder.name)
        continue
      self._seen.add(identity)
      waiting += self._inside(folder)

  def _inside(self, folder: _Folder) -> Iterator[_Folder]:
    """Sorts the entries of a folder; yields the folders among them that are no links."""
    for entry in _entries(folder.path):
      name = f'{folder.name}/{entry.name}' if folder.name else entry.name
      if is_hidden(entry.name):
        self.passed[HIDDEN].append(name)
      elif entry.is_dir(follow_symlinks=False):
        self._note_folder(name)
        yield _Folder(name, entry.path, folder.above)
      else:
        self._note(name, entry, folder)

  def _note_folder(self, name: str) -> None:
    if '/' not in name:
      self.folders.add(name)

  def _note(self, name: str, entry: os.DirEntry, folder: _Folder) -> None:
    """Sorts an entry that is no folder: a file, a link or something special."""
    found = _status(entry)
    if found and stat.S_ISDIR(found.st_mode):
      heapq.heappush(self.links, _Folder(name, entry.path, folder.above))
    elif is_companion(entry.name):
      self.passed[COMPANION].append(name)
    elif found is None:
      self.bad[name] = f'it is a link to nothing, {printable(os.readlink(entry.path))}'
    elif why := _fault(found):
      self.bad[name] = why
    else:
      # Unpacking an archive may set the time of the content, but not that of the entry.
      self.files[name] = f'{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}'


def _entries(path: str) -> list[os.DirEntry]:
  try:
    with os.scandir(path) as entries:
      return list(entries)
  except OSError as error:
    raise ConfigError(f'the folder {printable(path)} cannot be read ({error.strerror})') from error


def _status(entry: os.DirEntry) -> os.stat_result | None:
  """Returns the status of an entry, or of what a link leads to; None for a link to nothing."""
  try:
    return entry.stat()
  except OSError as error:
    if entry.is_symlink() and error.errno in _TO_NOTHING:
      return None
    raise ConfigError(f'{printable(entry.path)} cannot be read ({error.strerror})') from error


def _fault(found: os.stat_result) -> str:
  """Returns why an entry can be no picture, or '' if it can be one."""
  kind = next((name for is_kind, name in _KINDS.items() if is_kind(found.st_mode)), '')
  return f'it is {kind}, not a file' if kind else too_large(found.st_size)
