"""Exit codes of the commands, and warnings on standard error."""

import sys

BAD_REQUEST, DIVERGED, ALERTED, LOST, UNWRITTEN, INTERRUPTED = 2, 3, 4, 5, 6, 130


def warn(text: str) -> None:
  """Tells of something that a person should know and that stops nothing."""
  print(f'warning: {text}', file=sys.stderr, flush=True)
