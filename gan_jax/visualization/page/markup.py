"""HTML from Python: what is not markup already is escaped, so nothing of a run can become markup."""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any


class Markup(str):
  """Text that is HTML."""


def tag(name: str, *content: Any, **attributes: Any) -> Markup:
  """An element.

  Args:
    name: of the element, e.g. 'p'.
    *content: `Markup` as it is, anything else as text.
    **attributes: True: present, None or False: absent. `class_` is class, and `aria_label` aria-label.
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


def join(parts: Sequence[Any]) -> Markup:
  """Markup and texts one after the other."""
  return Markup(''.join(p if isinstance(p, Markup) else html.escape(str(p)) for p in parts))


def data_uri(png: bytes) -> str:
  """The bytes of a PNG file as an address that holds them."""
  return 'data:image/png;base64,' + base64.b64encode(png).decode()


def embedded(value: Any) -> Markup:
  """A value as JSON for a script element, which no text in the value can end."""
  text = json.dumps(value, separators=(',', ':'), allow_nan=False)
  return Markup(text.replace('&', '\\u0026').replace('<', '\\u003c').replace('>', '\\u003e'))


def number(value: float | int | None) -> str:
  """A number as a person reads it: whole ones with commas, others with five digits."""
  if value is None:
    return 'none'
  if isinstance(value, int) or value == round(value) and abs(value) < 1e15:
    return f'{int(value):,}'
  return f'{value:.5g}'


def nested(values: Mapping[str, Any], depth: int = 0) -> Markup:
  """The rows of a table of names and values; what is inside a mapping is indented below its name."""
  rows = []
  for key, value in values.items():
    inside = isinstance(value, Mapping) and value
    head = tag('th', key, scope='row', class_=f'depth{min(depth, 4)}')
    rows.append(tag('tr', head, tag('td', '' if inside else _plain(value))))
    if inside:
      rows.append(nested(value, depth + 1))
  return join(rows)


def _plain(value: Any) -> str:
  if isinstance(value, str):
    return value
  if isinstance(value, list) and not any(isinstance(v, list | dict) for v in value):
    return ', '.join(map(_plain, value)) or 'none'
  return json.dumps(value)
