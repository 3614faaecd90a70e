"""Atomic writes, and errors of a disk that is full or read-only."""

import contextlib
import errno
import os
import pathlib
import re
from collections.abc import Generator

from gan_jax.common.errors import ConfigError, DivergedError, WriteError


def write_atomic(path: pathlib.Path, content: bytes, shared: bool = False) -> None:
  """Writes a file so that it is there whole or, whatever happens, as it was before.

  Args:
    path: of the file.
    content: of the file.
    shared: whether other processes may write it at the same time.
  """
  draft = path.with_name(f'.{path.name}.{os.getpid() if shared else ""}draft')
  # One that was left may be a link.
  draft.unlink(missing_ok=True)
  draft.write_bytes(content)
  draft.replace(path)


_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""Of writing alone: what is read gives other errors."""


@contextlib.contextmanager
def writing(folder: pathlib.Path) -> Generator[None]:
  """Raises WriteError for what the disk refuses, in whatever way it is told."""
  try:
    yield
  except (ConfigError, DivergedError):
    raise
  except Exception as error:
    code = _refusal(error)
    if code is None:
      raise
    raise WriteError(
      f'cannot write to {folder}: {os.strerror(code)}; what was saved last is kept, and when that is '
      'mended, the same command goes on from there'
    ) from error


def _refusal(error: BaseException | None) -> int | None:
  """The system's number of an error, or of what led to it; None if the disk was not to blame."""
  while error:
    # TensorStore raises ValueError, with the system's error code only in the text.
    match = re.search(r"os_error_code='(\d+)'", str(error))
    code = error.errno if isinstance(error, OSError) else match and int(match[1])
    if code in _REFUSALS:
      return code
    error = error.__cause__ or error.__context__
  return None
