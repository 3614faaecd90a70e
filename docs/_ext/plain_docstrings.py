"""Shows docstrings, which are plain text with `code` in single backticks, as they are written.

Formulas in them have characters that mean something in reStructuredText, as |x|, x* and x_.
"""

import collections
import re

from sphinx.application import Sphinx

_CODE = re.compile(r'`+([^`]+)`+')
_SPECIAL = re.compile(r'([\\*|])|(?<=\w)(_)(?!\w)')
_FIELD = type(collections.namedtuple('Pair', 'first').first)
_COMMAND = re.compile(r'^\s*(\$ )?python -m .*')


def _escaped(line: str) -> str:
  """The line as reStructuredText: ``code`` between escaped text."""
  if _COMMAND.match(line):
    return f'``{line.strip()}``'
  chunks = _CODE.split(line)
  for i, chunk in enumerate(chunks):
    # An escaped space lets code touch a word, as in `key`s.
    chunks[i] = rf'\ ``{chunk}``\ ' if i % 2 else _SPECIAL.sub(r'\\\g<0>', chunk)
  return ''.join(chunks)


def _with_sources(lines: list[str]) -> list[str]:
  """The lines with each source as one paragraph, whose later lines are not indented."""
  inside = False
  shown = []
  for line in lines:
    inside = line.startswith('Source: ') or (inside and bool(line.strip()))
    shown.append(line.strip().replace('Source: ', '**Source:** ', 1) if inside else line)
  return shown


def _escape(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
  lines[:] = _with_sources([_escaped(line) for line in lines])


def _skips(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
  """Leaves out the fields of a NamedTuple: the docstring of its class explains them."""
  return True if type(obj) is _FIELD else None


def setup(app: Sphinx) -> dict[str, bool]:
  """Runs before napoleon, which has the priority 500."""
  app.connect('autodoc-skip-member', _skips)
  app.connect('autodoc-process-docstring', _escape, priority=400)
  return {'parallel_read_safe': True}
