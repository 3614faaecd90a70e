"""The commands in docs/reliability.md: each names existing tests."""

import ast
import re
import shlex

import pytest

from helpers.experiments import ROOT

COMMANDS = re.findall(r'`(pytest [^`]+)`', (ROOT / 'docs' / 'reliability.md').read_text())


def functions(path):
  """Returns the names of the test functions in a file."""
  body = ast.parse((ROOT / path).read_text()).body
  return [node.name for node in body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize('command', COMMANDS)
def test_command_in_the_docs_selects_tests(command):
  _, *words = shlex.split(command)
  files = [word for word in words if word.endswith('.py')]
  names = [name for path in files for name in functions(path) if name.startswith('test_')]
  patterns = words[words.index('-k') + 1].split(' or ') if '-k' in words else ['test_']
  for pattern in patterns:
    assert any(pattern in name for name in names), pattern
