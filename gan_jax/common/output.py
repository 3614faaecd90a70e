"""Standard output and standard error of a command, which never end it.

A reader that goes away (`| head`, a dropped terminal), a full disk under a log file, or a name that the
terminal cannot spell would otherwise raise an error in the middle of training.
"""

import contextlib
import errno
import io
import os
import select
import sys
from typing import TextIO, cast

_NO_READER = (errno.EPIPE, errno.EIO)
"""Errors of a pipe or terminal that nobody reads any more."""


class _Raw(io.FileIO):
  """A file descriptor that takes whatever is written, and drops what the system refuses."""

  _warned = False

  def write(self, data) -> int:
    try:
      return self._patient(data)
    except OSError as error:
      if error.errno not in _NO_READER and not self._warned:
        self._warned = True
        say(f'warning: output cannot be written ({error.strerror}); the command goes on without it')
      return memoryview(data).nbytes

  def _patient(self, data) -> int:
    """Writes to a descriptor that another program may have set not to block."""
    while True:
      written = super().write(data)
      if written is not None:
        return written
      select.select([], [self.fileno()], [])


def stream(descriptor: int, like: TextIO | None) -> TextIO:
  """A text stream on a file descriptor that drops what cannot be written.

  Args:
    descriptor: open for writing; it stays open.
    like: the stream to take encoding and buffering from; None for UTF-8 by the line.
  """
  raw = _Raw(descriptor, 'w', closefd=False)
  if like is None:
    return io.TextIOWrapper(io.BufferedWriter(raw), 'utf-8', 'backslashreplace', line_buffering=True)
  # `TextIO` has no `write_through`, but what a command writes to has.
  like = cast(io.TextIOWrapper, like)
  return io.TextIOWrapper(
    io.BufferedWriter(raw),
    like.encoding,
    'backslashreplace',
    line_buffering=like.line_buffering,
    write_through=like.write_through,
  )


def protect() -> None:
  """Makes standard output and error of this process such streams. Commands call it first.

  Streams that a test or a notebook has put in their place stay as they are. A missing descriptor
  becomes `/dev/null`. Otherwise the next file that is opened would get its number, and native code
  would write there.
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
  """Writes a line to standard error at once, also from a signal handler, if anybody can read it."""
  with contextlib.suppress(OSError):
    os.write(2, f'{text}\n'.encode(errors='backslashreplace'))
