"""One line for what XLA prints as it aborts a process that has lost the others of its run.

XLA ends such a process from a thread of its own, after a page of C++ and with no exception that could
be caught. So what native code prints goes through another process, this file run alone, which puts a
line of ours in place of that page and passes on all else. What Python prints does not go through it.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

from gan_jax.common import output

# XLA prints this page and calls abort(), so its text is all that another process gets.
_PAGE = re.compile(rb'coordination_service|coordination service|JAX distributed service')
_SAY = '\0say '


def explained(lines: Iterable[bytes]) -> Iterator[bytes]:
  """What is shown of the lines of native code.

  Args:
    lines: as they come; one that begins with a zero byte is an order, see `Native`.

  Yields:
    All of them until the connection is spoken of; then the line that was last ordered, and no more.
  """
  instead = b''
  for line in lines:
    if line.startswith(_SAY.encode()):
      instead = line.removeprefix(_SAY.encode())
    elif _PAGE.search(line) and instead:
      yield instead
      return
    else:
      yield line


class StderrFilter:
  """Standard error of native code in this process, from here on; Python keeps its own."""

  def __init__(self):
    # This file also runs alone, where the package cannot be imported.

    original = os.dup(2)
    self._reader = subprocess.Popen(
      [sys.executable, '-I', '-S', __file__],
      stdin=subprocess.PIPE,
      stdout=original,
      # Ctrl-C is for this process; the other ends with it.
      start_new_session=True,
    )
    assert self._reader.stdin is not None
    os.dup2(self._reader.stdin.fileno(), 2)
    sys.stderr = output.stream(original, sys.stderr)
    self._order = output.say

  def set_message(self, line: str) -> None:
    """From here on `line` is what is shown when the connection to the others is lost."""
    self._order(f'{_SAY}{line}')


if __name__ == '__main__':
  for shown in explained(sys.stdin.buffer):
    # Nobody may be reading any more.
    with contextlib.suppress(OSError):
      os.write(1, shown)
  # Read to the end, or the other process would be stopped by what it writes.
  for _ in sys.stdin.buffer:
    pass
