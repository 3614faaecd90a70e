"""Readable ids for parameters of tests: `size=3,norm=none` instead of `changes0`."""

import inspect
from typing import Any

import numpy as np

_LONGEST = 60


def pytest_make_parametrize_id(val: Any) -> str | None:
  """Returns the id of a container, an array, an exception or a library's function; else None.

  None leaves the id to pytest. It numbers ids that are equal. An id never depends on an address in
  memory, because the processes of pytest-xdist have to agree on it.
  """
  if isinstance(val, dict | list | tuple | set | frozenset | np.ndarray | BaseException):
    return _short(_text(val))
  if inspect.isroutine(val) and val.__name__ == 'asarray':
    return f'{val.__module__}.{val.__name__}'
  return None


def _text(value: Any) -> str:
  match value:
    case dict():
      return ','.join(f'{key}={_text(item)}' for key, item in value.items()) or 'empty'
    case list() | tuple():
      return ','.join(map(_text, value)) or 'empty'
    case set() | frozenset():
      return ','.join(sorted(map(_text, value))) or 'empty'
    case np.ndarray():
      return f'{value.dtype}[{_text(value.shape)}]'
    case BaseException():
      return f'{type(value).__name__}: {value}'
    case str() | int() | float() | None:
      return str(value)
  return getattr(value, '__name__', type(value).__name__)


def _short(text: str) -> str:
  return text if len(text) <= _LONGEST else f'{text[: _LONGEST - 3]}...'
