"""Lists the image files in a folder, including those behind symbolic links to other folders."""

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

_BROKEN_LINK = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_KINDS = {
  stat.S_ISFIFO: 'a pipe',
  stat.S_ISSOCK: 'a socket',
  stat.S_ISCHR: 'a device',
  stat.S_ISBLK: 'a device',
}

Identity = tuple[int, int]
"""The device number and the inode of a folder."""


class _Folder(NamedTuple):
  """A folder to read.

  Attributes:
    name: the path below the root, '' for the root.
    path: the path of the folder.
    ancestors: the folders that contain it; a link to one of them would lead to a cycle.
  """

  name: str
  path: str
  ancestors: frozenset[Identity]


def walk(root: pathlib.Path) -> Contents:
  """Lists all files in a folder and its subfolders.

  A link to a folder is followed unless that folder is already read or contains the link. Folders in
  the tree itself are read before links are followed, so links never change their names.

  Raises:
    ConfigError: a folder cannot be read.
  """
  walker = _Walker()
  walker.tree(_Folder('', str(root), _ancestors(str(root))))
  while walker.links:
    walker.follow(heapq.heappop(walker.links))
  ignored = {reason: sorted(names) for reason, names in walker.ignored.items()}
  read = lambda name: (root / name).read_bytes()
  return Contents(walker.files, walker.unusable, ignored, frozenset(walker.folders), read)


def _unreadable(path: str, error: OSError) -> ConfigError:
  return ConfigError(
    f'data.name: {printable(path)} cannot be read ({error.strerror}); change its permissions'
  )


def _identity(path: str) -> Identity:
  try:
    status = os.stat(path)
  except OSError as error:
    raise _unreadable(path, error) from error
  return status.st_dev, status.st_ino


def _ancestors(path: str) -> frozenset[Identity]:
  return frozenset(_identity(str(parent)) for parent in pathlib.Path(os.path.realpath(path)).parents)


class _Walker:
  """Collects the entries of a tree.

  Attributes:
    files, unusable, ignored, folders: see `Contents`.
    links: a heap of links to folders, followed after all folders of the tree are read.
  """

  def __init__(self):
    self.files: dict[str, str] = {}
    self.unusable: dict[str, str] = {}
    self.folders: set[str] = set()
    self.ignored: dict[str, list[str]] = {HIDDEN: [], COMPANION: [], LINK: []}
    self.links: list[_Folder] = []
    self._visited: set[Identity] = set()

  def follow(self, link: _Folder) -> None:
    """Reads the folder that a link leads to, unless it is already read or contains the link."""
    target = _identity(link.path)
    if target in self._visited or target in link.ancestors:
      self.ignored[LINK].append(link.name)
      return
    self._note_folder(link.name)
    self.tree(link._replace(ancestors=link.ancestors | _ancestors(link.path)), again=False)

  def tree(self, top: _Folder, again: bool = True) -> None:
    """Reads a folder and its subfolders; visited folders are ignored unless `again` is set."""
    waiting = [top]
    while waiting:
      folder = waiting.pop()
      identity = _identity(folder.path)
      if identity in self._visited and not again:
        self.ignored[LINK].append(folder.name)
        continue
      self._visited.add(identity)
      waiting += self._subfolders(folder)

  def _subfolders(self, folder: _Folder) -> Iterator[_Folder]:
    """Classifies the entries of a folder, and yields those that are folders, except links."""
    for entry in _entries(folder.path):
      name = f'{folder.name}/{entry.name}' if folder.name else entry.name
      if is_hidden(entry.name):
        self.ignored[HIDDEN].append(name)
      elif entry.is_dir(follow_symlinks=False):
        self._note_folder(name)
        yield _Folder(name, entry.path, folder.ancestors)
      else:
        self._note(name, entry, folder)

  def _note_folder(self, name: str) -> None:
    if '/' not in name:
      self.folders.add(name)

  def _note(self, name: str, entry: os.DirEntry, folder: _Folder) -> None:
    """Classifies an entry other than a folder: a file, a link, or a special file."""
    status = _status(entry)
    if status and stat.S_ISDIR(status.st_mode):
      heapq.heappush(self.links, _Folder(name, entry.path, folder.ancestors))
    elif is_companion(entry.name):
      self.ignored[COMPANION].append(name)
    elif status is None:
      self.unusable[name] = f'a broken symbolic link to {printable(os.readlink(entry.path))}'
    elif reason := _fault(status):
      self.unusable[name] = reason
    else:
      # Unpacking an archive may set the modification time, but not the change time of the entry.
      self.files[name] = f'{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}'


def _entries(path: str) -> list[os.DirEntry]:
  try:
    with os.scandir(path) as entries:
      return list(entries)
  except OSError as error:
    raise _unreadable(path, error) from error


def _status(entry: os.DirEntry) -> os.stat_result | None:
  """Returns the status of an entry or of the target of a link; None for a broken link."""
  try:
    return entry.stat()
  except OSError as error:
    if entry.is_symlink() and error.errno in _BROKEN_LINK:
      return None
    raise _unreadable(entry.path, error) from error


def _fault(status: os.stat_result) -> str:
  """Returns why an entry cannot be an image, or '' if it can."""
  kind = next((name for is_kind, name in _KINDS.items() if is_kind(status.st_mode)), '')
  return f'{kind}, not a file' if kind else too_large(status.st_size)
