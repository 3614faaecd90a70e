"""Lists and reads the images in a zip archive without unpacking it to the disk."""

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
  first_names,
  is_companion,
  is_hidden,
  printable,
  too_large,
)
from gan_jax.data.pipeline.decode import BadImageError

_CORRUPT = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
"""Errors that a corrupt member raises."""

_ENCRYPTED = 1
"""The bit of a member's flags that marks encryption."""


def members(path: pathlib.Path) -> Contents:
  """Lists the files in a zip archive.

  If one folder contains all of them, because a folder itself was packed, names are below that folder.

  Raises:
    ConfigError: the archive is corrupt or encrypted, or has paths that a folder cannot have.
  """
  archive, infos = _opened(path)
  top = _common_top([name for name, info in infos.items() if not info.is_dir()])
  below_top = {name[len(top) :]: info for name, info in infos.items() if name.startswith(top)}
  classified = _Classified(_state(path))
  for name, info in below_top.items():
    classified.add(name, info)
  return Contents(
    classified.files,
    classified.unusable,
    {reason: sorted(names) for reason, names in classified.ignored.items()},
    frozenset(classified.folders - {''}),
    _Reader(archive, below_top),
  )


class _Classified:
  """The members, divided into the attributes of `Contents`.

  Args:
    state: a text that changes when the archive changes.
  """

  def __init__(self, state: str):
    self.files: dict[str, str] = {}
    self.unusable: dict[str, str] = {}
    self.folders: set[str] = set()
    self.ignored: dict[str, set[str]] = {HIDDEN: set(), COMPANION: set()}
    self._state = state

  def add(self, name: str, info: zipfile.ZipInfo) -> None:
    components = name.removesuffix('/').split('/')
    hidden = next((i for i, component in enumerate(components) if is_hidden(component)), None)
    if hidden is not None:
      # A hidden folder counts once, as on a disk.
      self.ignored[HIDDEN].add('/'.join(components[: hidden + 1]))
      return
    if len(components) > 1 or info.is_dir():
      self.folders.add(components[0])
    if info.is_dir():
      return
    if is_companion(components[-1]):
      self.ignored[COMPANION].add(name)
    elif reason := _fault(info):
      self.unusable[name] = reason
    else:
      self.files[name] = f'{info.file_size} {info.CRC} {info.header_offset} {self._state}'


def _state(path: pathlib.Path) -> str:
  status = path.stat()
  return f'{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}'


def _opened(path: pathlib.Path) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
  """Opens an archive and checks the names of its members."""
  try:
    archive = zipfile.ZipFile(path)
  except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
    raise ConfigError(
      f'data.name=folder:{path}: the archive is corrupt or of an unknown kind ({error}); pack it again'
    ) from error
  except OSError as error:
    raise ConfigError(
      f'data.name=folder:{path}: the archive cannot be read ({error.strerror}); change its permissions'
    ) from error
  # Some programs write every path with a dot in front.
  members = [(info.filename.removeprefix('./'), info) for info in archive.infolist()]
  counts = collections.Counter(name for name, _ in members)
  outside = [name for name in counts if _leads_outside(name)]
  _refuse(path, outside, 'paths that lead outside or are not Unix paths')
  _refuse(path, [name for name, count in counts.items() if count > 1], 'several files of one name')
  encrypted = [name for name, info in members if info.flag_bits & _ENCRYPTED]
  _refuse(path, encrypted, 'encrypted files')
  return archive, {name: info for name, info in members if name}


def _refuse(path: pathlib.Path, names: Sequence[str], what: str) -> None:
  if names:
    raise ConfigError(
      f'data.name=folder:{path}: the archive has {what} ({first_names(names)}); '
      'pack it again without them'
    )


def _leads_outside(name: str) -> bool:
  components = name.removesuffix('/').split('/')
  is_unusual = '\\' in name or any(component in ('', '.', '..') for component in components)
  return bool(name) and is_unusual


def _common_top(names: Sequence[str]) -> str:
  """Returns the folder, 'a/b/', that contains all files except hidden ones; '' for the root."""
  parents = [name.split('/')[:-1] for name in names if not any(map(is_hidden, name.split('/')))]
  top = []
  for components in zip(*parents, strict=False):
    if len(set(components)) > 1:
      break
    top.append(components[0])
  return ''.join(f'{component}/' for component in top)


def _fault(info: zipfile.ZipInfo) -> str:
  """Returns why a member cannot be an image, or '' if it can."""
  mode = info.external_attr >> 16
  if stat.S_ISLNK(mode):
    return 'a symbolic link, which is not followed in an archive'
  if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
    return 'not a regular file'
  return too_large(info.file_size)


class _Reader:
  """Reads members by name. Threads take turns, since they share one open file."""

  def __init__(self, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]):
    self._archive = archive
    self._infos = infos
    self._lock = threading.Lock()

  def __call__(self, name: str) -> bytes:
    info = self._infos[name]
    if reason := too_large(info.file_size):
      raise BadImageError(reason)
    try:
      with self._lock:
        return self._archive.read(info)
    except NotImplementedError as error:
      raise ConfigError(
        f'data.name=folder:{self._archive.filename}: {printable(name)} has an unknown compression '
        f'({error}); pack the archive again with deflate, or without compression'
      ) from error
    except _CORRUPT as error:
      raise BadImageError(f'corrupt in the archive: {error}') from error
    except OSError as error:
      # The decompressor of bzip2 raises it without a number, the system with one.
      if error.errno is not None:
        raise
      raise BadImageError(f'corrupt in the archive: {error}') from error
