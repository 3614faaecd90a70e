"""The user's home folder, which a container or a service may not have."""

import os
import pathlib

from gan_jax.common.errors import ConfigError


def home() -> pathlib.Path | None:
  """Returns the user's home folder; None if the system knows none, or if it does not exist."""
  found = pathlib.Path(os.path.expanduser('~'))
  return found if os.environ.get('HOME') != '' and found.is_absolute() and found.is_dir() else None


def expanded(path: str, named: str) -> pathlib.Path:
  """Returns a path with its leading `~` or `~user` replaced by that home folder.

  A shell leaves the `~` of `--workdir=~/runs` as it is.

  Args:
    path: as a person wrote it.
    named: the flag or the variable that gave it, for the error.

  Raises:
    ConfigError: the path begins with `~`, and there is no such home folder.
  """
  found = pathlib.Path(os.path.expanduser(path))
  is_own = path == '~' or path.startswith('~/')
  is_unknown = home() is None if is_own else path.startswith('~') and str(found).startswith('~')
  if is_unknown:
    raise ConfigError(
      f'{named}={path}: there is no home folder for {pathlib.Path(path).parts[0]} (a path without it, '
      f'or ./~ for a folder of that name); set {named} to another path'
    )
  return found
