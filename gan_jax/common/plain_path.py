"""A path without special characters for a folder of any legal name, for libraries that need one.

Some libraries read a path as a pattern (`[x]`, `*`, `?`), or a backslash in it as a separator. They
then write elsewhere, or find nothing, without an error.
"""

import contextlib
import pathlib
import re
import tempfile
from collections.abc import Generator

from gan_jax.common.errors import ConfigError

_PLAIN = re.compile(r'[\w./ +,=@%~#-]*')


def is_plain(path: pathlib.Path) -> bool:
  """Returns whether a path has no character with a special meaning to a library."""
  return _PLAIN.fullmatch(str(path)) is not None


@contextlib.contextmanager
def of(folder: pathlib.Path) -> Generator[pathlib.Path]:
  """Yields a plain path of an existing folder, valid inside the context.

  It is the folder's path if that is plain. Otherwise it is a symbolic link in a temporary folder.

  Args:
    folder: an absolute path.

  Raises:
    ConfigError: neither the path nor that of the folder for temporary files is plain.
  """
  if is_plain(folder):
    yield folder
    return
  temporary = pathlib.Path(tempfile.gettempdir())
  if not is_plain(temporary):
    raise ConfigError(
      f'TMPDIR={temporary}: its name has special characters, and so has {folder}, which needs a link '
      'in TMPDIR; set TMPDIR to a folder with a plain name'
    )
  with tempfile.TemporaryDirectory(prefix='gan_jax_', dir=temporary) as holder:
    link = pathlib.Path(holder) / 'folder'
    link.symlink_to(folder, target_is_directory=True)
    yield link
