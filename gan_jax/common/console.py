"""Exit codes of the commands, and warnings on standard error."""

import sys

BAD_REQUEST = 2
DIVERGED = 3
ALERTED = 4
LOST = 5
UNWRITTEN = 6
INTERRUPTED = 130


def warn(text: str) -> None:
  """Prints a warning to standard error."""
  print(f'warning: {text}', file=sys.stderr, flush=True)
