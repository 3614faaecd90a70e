"""HTML tables of the pages of runs and studies."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.visualization.page.markup import Markup, join, tag


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
  """Returns a table with a row of column headings."""
  top = tag('tr', *(tag('th', text, scope='col') for text in head))
  body = [tag('tr', *(tag('td', text) for text in row)) for row in rows]
  return tag('div', tag('table', tag('thead', top), tag('tbody', *body)), class_='wide')


def values(caption: str, texts: Mapping[str, str]) -> Markup:
  """Returns a table of names and values, one a row, under a caption."""
  rows = [
    tag('tr', tag('th', name, scope='row'), tag('td', text, class_='value'))
    for name, text in texts.items()
  ]
  return tag('table', tag('caption', caption), *rows)


def nested(settings: Mapping[str, Any], caption: str = '') -> Markup:
  """Returns a table of settings; the entries of a mapping are indented below its name."""
  rows = _nested_rows(settings, 0)
  if caption:
    return tag('table', tag('caption', caption), rows, class_='card')
  return tag('table', rows)


def _nested_rows(settings: Mapping[str, Any], depth: int) -> Markup:
  rows = []
  for key, value in settings.items():
    entries = isinstance(value, Mapping) and value
    head = tag('th', key, scope='row', class_=f'depth{min(depth, 4)}')
    rows.append(tag('tr', head, tag('td', '' if entries else _plain(value))))
    if entries:
      rows.append(_nested_rows(value, depth + 1))
  return join(rows)


def _plain(value: Any) -> str:
  if isinstance(value, str):
    return value
  if isinstance(value, list) and not any(isinstance(v, list | dict) for v in value):
    return ', '.join(map(_plain, value)) or 'none'
  return json.dumps(value)
