"""A path that every library can take: a folder of any legal name, under another name if need be.

Some libraries read a path as a pattern (`[x]`, `*`, `?`), or a backslash in it as a separator, and then
write elsewhere or find nothing, without an error.
"""

import contextlib
import pathlib
import re
import tempfile
from collections.abc import Generator

from gan_jax.common.errors import ConfigError

_PLAIN = re.compile(r'[\w./ +,=@%~#-]*')


def is_plain(path: pathlib.Path) -> bool:
  """Whether a path holds nothing that a library could take for anything but a name."""
  return _PLAIN.fullmatch(str(path)) is not None


@contextlib.contextmanager
def of(folder: pathlib.Path) -> Generator[pathlib.Path]:
  """A plain path of an existing folder, good while the context is entered.

  It is the folder's path if that is plain. Otherwise it is a link in a temporary folder.

  Args:
    folder: an absolute path.

  Raises:
    ConfigError: the path is not plain, and neither is that of the folder for temporary files.
  """
  if is_plain(folder):
    yield folder
    return
  temporary = pathlib.Path(tempfile.gettempdir())
  if not is_plain(temporary):
    raise ConfigError(
      f'TMPDIR={temporary}: its name has unusual characters, and so has {folder}, which needs a link '
      'there; set TMPDIR to a folder with a plain name'
    )
  with tempfile.TemporaryDirectory(prefix='gan_jax_', dir=temporary) as holder:
    link = pathlib.Path(holder) / 'folder'
    link.symlink_to(folder, target_is_directory=True)
    yield link
