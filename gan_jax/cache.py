"""The folder of what can be made again, and is kept to save time."""

import os
import pathlib


def folder() -> pathlib.Path:
  """The package's folder in the user's cache; XDG_CACHE_HOME names another place for all programs."""
  home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
  return pathlib.Path(home) / 'gan_jax'
