"""Atomic writes, and errors of a disk that is full or read-only."""

import contextlib
import errno
import os
import pathlib
import re
from collections.abc import Generator

from gan_jax.common.errors import ConfigError, DivergedError, WriteError


def write_atomic(path: pathlib.Path, content: bytes, shared: bool = False) -> None:
  """Writes a file completely or, if the process is interrupted, leaves it as it was.

  Args:
    path: the path of the file.
    content: the bytes of the file.
    shared: whether other processes may write it at the same time.
  """
  process = os.getpid() if shared else ''
  draft = path.with_name(f'.{path.name}.{process}draft')
  # A draft that remains from another process may be a link.
  draft.unlink(missing_ok=True)
  draft.write_bytes(content)
  draft.replace(path)


_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""Errors that only writing raises; reading raises others."""


@contextlib.contextmanager
def writing(folder: pathlib.Path) -> Generator[None]:
  """Raises WriteError if a full or read-only disk caused the error of the context."""
  try:
    yield
  except (ConfigError, DivergedError):
    raise
  except Exception as error:
    code = _refusal(error)
    if code is None:
      raise
    raise WriteError(
      f'cannot write to {folder}: {os.strerror(code)}; the last saved state is intact: fix the disk, '
      'then run the same command to continue'
    ) from error


def _refusal(error: BaseException | None) -> int | None:
  """Returns the system's number of an error or of its causes; None if the disk is not the cause."""
  while error:
    # TensorStore states the number only in its message.
    match = re.search(r"os_error_code='(\d+)'", str(error))
    code = error.errno if isinstance(error, OSError) else match and int(match[1])
    if code in _REFUSALS:
      return code
    error = error.__cause__ or error.__context__
  return None
