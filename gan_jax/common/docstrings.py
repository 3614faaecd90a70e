"""The docstring of a Python file that is read, and not imported."""

import ast
import pathlib


def title(file: pathlib.Path) -> str:
  """Returns the first line of the docstring of a file; '' without one."""
  module = ast.parse(file.read_text(encoding='utf-8'), filename=str(file))
  return (ast.get_docstring(module) or '').partition('\n')[0]
