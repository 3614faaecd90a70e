"""Standard output and standard error that never end a command.

Without this module several faults would raise an error in the middle of training. Examples are a
reader that exits (`| head`, a dropped terminal), a full disk under a log file, and a name that the
terminal cannot encode.
"""

import contextlib
import errno
import io
import os
import select
import sys
from typing import TextIO, cast

_NO_READER = (errno.EPIPE, errno.EIO)
"""Errors of a pipe or terminal without a reader."""


class _Raw(io.FileIO):
  """A file descriptor that discards the data that the system refuses to write."""

  _warned = False

  def write(self, data) -> int:
    try:
      return self._write_blocking(data)
    except OSError as error:
      if error.errno not in _NO_READER and not self._warned:
        self._warned = True
        say(f'warning: cannot write output ({error.strerror}); the command continues without it')
      return memoryview(data).nbytes

  def _write_blocking(self, data) -> int:
    """Writes to a descriptor that another program may have made non-blocking."""
    while True:
      written = super().write(data)
      if written is not None:
        return written
      select.select([], [self.fileno()], [])


def stream(descriptor: int, like: TextIO | None) -> TextIO:
  """Returns a text stream on a file descriptor that discards text that cannot be written.

  Args:
    descriptor: open for writing; it stays open.
    like: the stream whose encoding and buffering to use; None for UTF-8 with line buffering.
  """
  raw = _Raw(descriptor, 'w', closefd=False)
  if like is None:
    return io.TextIOWrapper(io.BufferedWriter(raw), 'utf-8', 'backslashreplace', line_buffering=True)
  # `TextIO` has no `write_through`, but the standard streams have.
  like = cast(io.TextIOWrapper, like)
  return io.TextIOWrapper(
    io.BufferedWriter(raw),
    like.encoding,
    'backslashreplace',
    line_buffering=like.line_buffering,
    write_through=like.write_through,
  )


def protect() -> None:
  """Replaces standard output and error of this process by such streams. Commands call it first.

  Streams that a test or a notebook has installed stay as they are. A missing descriptor becomes
  `/dev/null`. Otherwise the next file that is opened would get its number, and native code would write
  there.
  """
  for descriptor in range(3):
    try:
      os.fstat(descriptor)
    except OSError:
      os.open(os.devnull, os.O_RDWR)
  if sys.stdout is sys.__stdout__:
    sys.stdout = stream(1, sys.__stdout__)
  if sys.stderr is sys.__stderr__:
    sys.stderr = stream(2, sys.__stderr__)


def say(text: str) -> None:
  """Writes a line to standard error, unbuffered; safe in signal handlers and without a reader."""
  with contextlib.suppress(OSError):
    os.write(2, f'{text}\n'.encode(errors='backslashreplace'))
