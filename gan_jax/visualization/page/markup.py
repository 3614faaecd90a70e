"""HTML from Python: all text is escaped except `Markup`, so nothing of a run can become markup."""

import base64
import html
import json
from collections.abc import Sequence
from typing import Any


class Markup(str):
  """Text that is HTML."""


def tag(name: str, *content: Any, **attributes: Any) -> Markup:
  """Returns an element.

  Args:
    name: name of the element, for example 'p'.
    *content: `Markup` as it is, anything else as text.
    **attributes: True means present, None or False means absent. `class_` becomes class, and
      `aria_label` becomes aria-label.
  """
  words = [name]
  for key, value in attributes.items():
    key = key.rstrip('_').replace('_', '-')
    if value is True:
      words.append(key)
    elif value is not None and value is not False:
      words.append(f'{key}="{html.escape(str(value))}"')
  if name in ('img', 'input'):
    return Markup(f'<{" ".join(words)}>')
  return Markup(f'<{" ".join(words)}>{join(content)}</{name}>')


def join(content: Sequence[Any]) -> Markup:
  """Concatenates markup and texts."""
  return Markup(''.join(c if isinstance(c, Markup) else html.escape(str(c)) for c in content))


def data_uri(png: bytes) -> str:
  """Returns a data URI with the bytes of a PNG file."""
  return 'data:image/png;base64,' + base64.b64encode(png).decode()


def embedded(value: Any) -> Markup:
  """Returns a value as JSON for a script element; no text in the value can end that element."""
  text = json.dumps(value, separators=(',', ':'), allow_nan=False)
  return Markup(text.replace('&', '\\u0026').replace('<', '\\u003c').replace('>', '\\u003e'))


def number(value: float | int | None) -> str:
  """Formats a number for reading: whole numbers with commas, others with five digits."""
  if value is None:
    return 'none'
  if isinstance(value, int) or value == round(value) and abs(value) < 1e15:
    return f'{int(value):,}'
  return f'{value:.5g}'
