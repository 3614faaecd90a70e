"""Paths from users: home folders, which may be missing in a container or a service, and addresses."""

import os
import pathlib
import re

from gan_jax.common.errors import ConfigError

_ADDRESS = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*://')
"""The beginning of the address of a remote file, such as gs:// or s3://."""


def home() -> pathlib.Path | None:
  """Returns the user's home folder; None if it is unknown or does not exist."""
  path = pathlib.Path(os.path.expanduser('~'))
  return path if os.environ.get('HOME') != '' and path.is_absolute() and path.is_dir() else None


def expanded(path: str, flag: str) -> pathlib.Path:
  """Returns a path with its leading `~` or `~user` replaced by that home folder.

  A shell does not expand the `~` of `--workdir=~/runs`.

  Args:
    path: the path as the user wrote it.
    flag: the flag or the environment variable that gave it, for the error.

  Raises:
    ConfigError: the path begins with `~`, and that home folder is missing; or it is the address of a
      remote file. A run locks, renames and appends to files, which object stores do not offer.
  """
  if _ADDRESS.match(path):
    raise ConfigError(
      f'{flag}={path}: the address of a remote file (a path on this machine, without ://); write to a '
      'local disk and copy, or mount the bucket with gcsfuse'
    )
  result = pathlib.Path(os.path.expanduser(path))
  if path == '~' or path.startswith('~/'):
    is_unknown = home() is None
  else:
    is_unknown = path.startswith('~') and str(result).startswith('~')
  if is_unknown:
    raise ConfigError(
      f'{flag}={path}: {pathlib.Path(path).parts[0]} has no home folder (a path without it, or ./~ '
      f'for a folder of that name); set {flag} to another path'
    )
  return result
