"""The folder of files that can be made again, kept to save time."""

import os
import pathlib
import stat
import tempfile

from gan_jax.common import user_paths
from gan_jax.common.errors import ConfigError

VARIABLE = 'XDG_CACHE_HOME'


def folder() -> pathlib.Path:
  """Returns the package's folder in the user's cache.

  XDG_CACHE_HOME names the cache; without it the cache is `~/.cache`. A user without a home folder, or
  with one that is read-only, gets a private folder among the temporary files.

  Raises:
    ConfigError: the folder among the temporary files is needed and belongs to another user, or
      XDG_CACHE_HOME begins with a `~` that stands for no home folder.
  """
  if os.environ.get(VARIABLE):
    return user_paths.expanded(os.environ[VARIABLE], VARIABLE) / 'gan_jax'
  home = user_paths.home()
  place = home and home / '.cache' / 'gan_jax'
  return place if place and _is_usable(place) else _private()


def _is_usable(place: pathlib.Path) -> bool:
  """Whether a folder exists, or can be created by this user."""
  there = next(path for path in (place, *place.parents) if path.exists())
  return there.is_dir() and (there == place or os.access(there, os.W_OK | os.X_OK))


def _private() -> pathlib.Path:
  place = pathlib.Path(tempfile.gettempdir()) / f'gan_jax-{os.geteuid()}'
  try:
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
  except OSError as error:
    raise ConfigError(_no_cache(f'{place} cannot be created ({error.strerror})')) from error
  if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
    raise ConfigError(_no_cache(f'{place} is not a private folder of this user (mode 700)'))
  return place


def _no_cache(reason: str) -> str:
  return (
    f'{VARIABLE} is not set, this user has no home folder to write in, and {reason}; '
    f'set {VARIABLE} to a folder for the cache'
  )
