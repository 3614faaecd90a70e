"""The closest spelling among given names, for errors that suggest one."""

import difflib
from collections.abc import Iterable
from typing import Any


def closest(name: Any, names: Iterable[str]) -> str:
  """Returns the name among `names` that is spelled most like `name`, or '' if none is close."""
  return next(iter(difflib.get_close_matches(str(name), list(names), n=1)), '')
