"""The package's cache folder, for files that can be computed again."""

import os
import pathlib
import stat
import tempfile

from gan_jax.common import user_paths
from gan_jax.common.errors import ConfigError

VARIABLE = 'XDG_CACHE_HOME'


def folder() -> pathlib.Path:
  """Returns the package's folder in the user's cache.

  XDG_CACHE_HOME names the cache; without it the cache is `~/.cache`. If the home folder is missing or
  read-only, the cache is a private folder among the temporary files.

  Raises:
    ConfigError: the folder among the temporary files is needed and belongs to another user, or
      XDG_CACHE_HOME begins with a `~` that stands for a missing home folder.
  """
  if os.environ.get(VARIABLE):
    return user_paths.expanded(os.environ[VARIABLE], VARIABLE) / 'gan_jax'
  home = user_paths.home()
  path = home and home / '.cache' / 'gan_jax'
  return path if path and _is_usable(path) else _private()


def _is_usable(path: pathlib.Path) -> bool:
  """Returns whether a folder exists, or can be created by this user."""
  nearest = next(parent for parent in (path, *path.parents) if parent.exists())
  return nearest.is_dir() and (nearest == path or os.access(nearest, os.W_OK | os.X_OK))


def _private() -> pathlib.Path:
  path = pathlib.Path(tempfile.gettempdir()) / f'gan_jax-{os.geteuid()}'
  try:
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
  except OSError as error:
    raise ConfigError(_no_cache(f'{path} cannot be created ({error.strerror})')) from error
  is_shared = status.st_uid != os.geteuid() or status.st_mode & 0o077
  if not stat.S_ISDIR(status.st_mode) or is_shared:
    raise ConfigError(_no_cache(f'{path} is not a private folder of this user (mode 700)'))
  return path


def _no_cache(reason: str) -> str:
  return (
    f'{VARIABLE}: it is not set, this user has no writable home folder, and {reason}; '
    f'set {VARIABLE} to a folder for the cache'
  )
