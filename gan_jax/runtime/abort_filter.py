"""Replaces XLA's abort report by one line when a process has lost the other processes of its run.

XLA aborts such a process in a separate thread, after a page of C++ output and without an exception
that Python could catch. This module therefore sends the output of native code through a helper
process, which runs this file. The helper replaces that page by one line and forwards all other output.
The output of Python does not go through it.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

_ABORT_REPORT = re.compile(rb'coordination_service|coordination service|JAX distributed service')
_SET_MESSAGE = '\0say '
"""The prefix of a line that sets the message."""


def explained(lines: Iterable[bytes]) -> Iterator[bytes]:
  """Filters lines of native code.

  Args:
    lines: the lines; one that begins with a zero byte sets the message, see `StderrFilter`.

  Yields:
    All lines until one mentions the lost connection; instead of it, the message that was last set, and
    then nothing.
  """
  message = b''
  for line in lines:
    if line.startswith(_SET_MESSAGE.encode()):
      message = line.removeprefix(_SET_MESSAGE.encode())
    elif _ABORT_REPORT.search(line) and message:
      yield message
      return
    else:
      yield line


class StderrFilter:
  """Filters the standard error of native code in this process; that of Python is not filtered."""

  def __init__(self):
    # Imported here: the helper process runs this file alone and cannot import the package.
    from gan_jax.common import output

    original = os.dup(2)
    self._reader = subprocess.Popen(
      [sys.executable, '-I', '-S', __file__],
      stdin=subprocess.PIPE,
      stdout=original,
      # Ctrl-C is meant for this process; the helper ends with it.
      start_new_session=True,
    )
    assert self._reader.stdin is not None
    os.dup2(self._reader.stdin.fileno(), 2)
    sys.stderr = output.stream(original, sys.stderr)
    self._send = output.say

  def set_message(self, line: str) -> None:
    """Sets the line that is shown if the connection to the other processes is lost."""
    self._send(f'{_SET_MESSAGE}{line}')


if __name__ == '__main__':
  for explained_line in explained(sys.stdin.buffer):
    # The reader may have exited.
    with contextlib.suppress(OSError):
      os.write(1, explained_line)
  # Read to the end; otherwise the other process would block when it writes.
  for _ in sys.stdin.buffer:
    pass
