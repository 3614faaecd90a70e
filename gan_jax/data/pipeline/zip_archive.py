"""Finds and reads the pictures in a zip archive, which is never unpacked to the disk."""

import collections
import lzma
import pathlib
import stat
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.contents import (
  COMPANION,
  HIDDEN,
  Contents,
  is_companion,
  is_hidden,
  printable,
  some,
  too_large,
)
from gan_jax.data.pipeline.decode import BadPictureError

_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
"""Errors that a damaged member raises."""

_ENCRYPTED = 1
"""A bit of the flags of a member."""


def members(path: pathlib.Path) -> Contents:
  """Finds the files in a zip archive.

  If all of them lie in one folder, as where a folder itself was packed, names are below that folder.

  Raises:
    ConfigError: the archive is damaged or encrypted, or has paths that no folder can have.
  """
  archive, infos = _opened(path)
  top = _common_top([name for name, info in infos.items() if not info.is_dir()])
  inside = {name[len(top) :]: info for name, info in infos.items() if name.startswith(top)}
  sorted_out = _Sorted(_state(path))
  for name, info in inside.items():
    sorted_out.add(name, info)
  passed = {why: sorted(names) for why, names in sorted_out.passed.items()}
  folders = frozenset(sorted_out.folders - {''})
  return Contents(sorted_out.files, sorted_out.bad, passed, folders, _Reader(archive, inside))


class _Sorted:
  """Members, sorted into the attributes of `Found`; `state` is a text that changes with the archive."""

  def __init__(self, state: str):
    self.files = {}
    self.bad = {}
    self.folders = set()
    self._state = state
    self.passed = {HIDDEN: set(), COMPANION: set()}

  def add(self, name: str, info: zipfile.ZipInfo) -> None:
    parts = name.removesuffix('/').split('/')
    hidden = next((i for i, part in enumerate(parts) if is_hidden(part)), None)
    if hidden is not None:
      # A hidden folder counts once, as on a disk.
      self.passed[HIDDEN].add('/'.join(parts[: hidden + 1]))
      return
    if len(parts) > 1 or info.is_dir():
      self.folders.add(parts[0])
    if info.is_dir():
      return
    if is_companion(parts[-1]):
      self.passed[COMPANION].add(name)
    elif why := _fault(info):
      self.bad[name] = why
    else:
      self.files[name] = f'{info.file_size} {info.CRC} {info.header_offset} {self._state}'


def _state(path: pathlib.Path) -> str:
  found = path.stat()
  return f'{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}'


def _opened(path: pathlib.Path) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
  """Opens an archive and checks the names of its members."""
  try:
    archive = zipfile.ZipFile(path)
  except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
    raise ConfigError(
      f'the zip archive {path} is damaged or of an unknown kind ({error}); pack it again'
    ) from error
  except OSError as error:
    raise ConfigError(f'the zip archive {path} cannot be read ({error.strerror})') from error
  # Some programs write every path with a dot in front.
  members = [(info.filename.removeprefix('./'), info) for info in archive.infolist()]
  count = collections.Counter(name for name, _ in members)
  _refuse(path, [n for n in count if _leads_out(n)], 'paths that lead out of it or are no Unix paths')
  _refuse(path, [n for n, times in count.items() if times > 1], 'several files of one name')
  _refuse(path, [n for n, info in members if info.flag_bits & _ENCRYPTED], 'encrypted files')
  return archive, {name: info for name, info in members if name}


def _refuse(path: pathlib.Path, names: Sequence[str], what: str) -> None:
  if names:
    raise ConfigError(f'the zip archive {path} has {what}: {some(names)}; pack it again without them')


def _leads_out(name: str) -> bool:
  parts = name.removesuffix('/').split('/')
  return bool(name) and ('\\' in name or any(part in ('', '.', '..') for part in parts))


def _common_top(names: Sequence[str]) -> str:
  """Returns the folder, 'a/b/', in which all files lie that are not hidden; '' if there is none."""
  seen = [name.split('/')[:-1] for name in names if not any(map(is_hidden, name.split('/')))]
  top = []
  for parts in zip(*seen, strict=False):
    if len(set(parts)) > 1:
      break
    top.append(parts[0])
  return ''.join(f'{part}/' for part in top)


def _fault(info: zipfile.ZipInfo) -> str:
  """Returns why a member can be no picture, or '' if it can be one."""
  mode = info.external_attr >> 16
  if stat.S_ISLNK(mode):
    return 'it is a link, which an archive cannot follow'
  if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
    return 'it is not a file'
  return too_large(info.file_size)


class _Reader:
  """Reads members by their names. Threads take turns, since they share one open file."""

  def __init__(self, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]):
    self._archive = archive
    self._infos = infos
    self._lock = threading.Lock()

  def __call__(self, name: str) -> bytes:
    info = self._infos[name]
    if why := too_large(info.file_size):
      raise BadPictureError(why)
    try:
      with self._lock:
        return self._archive.read(info)
    except NotImplementedError as error:
      raise ConfigError(
        f'{self._archive.filename}: {printable(name)} is packed in an unknown way ({error}); pack the '
        'archive again with deflate, or without compression'
      ) from error
    except _DAMAGE as error:
      raise BadPictureError(f'it is damaged in the archive: {error}') from error
    except OSError as error:
      # The decompressor of bzip2 raises it without a number, the system with one.
      if error.errno is not None:
        raise
      raise BadPictureError(f'it is damaged in the archive: {error}') from error
