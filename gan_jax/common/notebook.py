"""Notebooks: whether this process is the kernel of one, and pictures in its cells."""

import importlib
import sys
from typing import Any


def is_running() -> bool:
  """Returns whether this process is the kernel of a notebook."""
  ipython = sys.modules.get('IPython')
  shell = ipython.get_ipython() if ipython else None
  return hasattr(shell, 'kernel')


class Cell:
  """A picture in the output of a cell, which later pictures replace."""

  def __init__(self):
    self._handle: Any = None

  def show(self, png: bytes) -> None:
    """Shows the picture of a PNG file."""
    # Imported lazily: only a notebook has IPython.
    display = importlib.import_module('IPython.display')
    picture = display.Image(data=png)
    if self._handle is None:
      self._handle = display.display(picture, display_id=True)
    else:
      self._handle.update(picture)
