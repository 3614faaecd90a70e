"""Values of flags: JSON, Python literals, or text without quotes."""

import ast
import json
from typing import Any

from gan_jax.common.errors import ConfigError

_CLOSING = {'[': ']', '{': '}', '(': ')'}
_QUOTES = '"\''


def split(text: str) -> list[str]:
  """Splits text at the commas that stand outside of brackets, braces, parentheses, and quotes.

  A quote begins a quoted part only where a value may begin, so that an apostrophe in a word is text.

  Raises:
    ConfigError: a bracket or a quote without its other half.
  """
  values, begin = [], 0
  open_brackets, quote = [], ''
  may_begin, escaped = True, False
  for index, letter in enumerate(text):
    if quote:
      quote = '' if letter == quote and not escaped else quote
      escaped = letter == '\\' and not escaped
      continue
    if letter in _QUOTES and may_begin:
      quote, escaped = letter, False
    elif letter in _CLOSING:
      open_brackets.append(letter)
    elif letter in _CLOSING.values():
      if not open_brackets or _CLOSING[open_brackets.pop()] != letter:
        raise ConfigError(f'{text}: {letter!r} closes no bracket; quote text that holds brackets')
    elif letter == ',' and not open_brackets:
      values.append(text[begin:index])
      begin = index + 1
    may_begin = letter in ',:' or letter in _CLOSING or (may_begin and letter.isspace())
  if quote or open_brackets:
    raise ConfigError(f'{text}: {quote or open_brackets[-1]!r} is not closed; add its other half')
  return [*values, text[begin:]]


def parse(text: str) -> Any:
  """Returns the value of a text that is JSON or a Python literal, or else the text.

  Tuples become lists, so that every value can be written as JSON.

  Raises:
    ConfigError: text that begins like a list, a mapping, or a quoted text, but is not valid.
  """
  text = text.strip()
  for read in (json.loads, _literal):
    try:
      return read(text)
    except (ValueError, SyntaxError, TypeError):
      continue
  if text and (text[0] in _CLOSING or text[0] in _QUOTES):
    raise ConfigError(f'{text} is neither JSON nor a Python literal; put names in it in quotes')
  return text


def _literal(text: str) -> Any:
  return json.loads(json.dumps(ast.literal_eval(text)))
