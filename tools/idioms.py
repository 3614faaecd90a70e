"""Finds idioms that hide what Python code does: python tools/idioms.py [FILE ...].

It reports each of these, which a plain statement replaces:

- a text, a list, or a tuple times a condition, as in `'s' * (n > 1)`;
- the splat of a literal, as in `{**{'a': 1}}` or `[*('a', 'b')]`;
- a tuple of attributes that are set in one statement, as in `self.a, self.b = a, b`.
"""

import argparse
import ast
import pathlib
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
CODE = (
  'gan_jax',
  'benchmarks',
  'results',
  'docs',
  'examples',
  'experiments',
  'tests',
  'tools',
  'classifiers',
  'notebooks',
)

_SEQUENCES = (ast.List, ast.Tuple, ast.JoinedStr, ast.ListComp)
_PREDICATES = ('bool', 'isinstance', 'any', 'all', 'startswith', 'endswith', 'isdecimal')


def _is_sequence(node: ast.expr) -> bool:
  if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
    return _is_sequence(node.left) or _is_sequence(node.right)
  is_text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
  return is_text or isinstance(node, _SEQUENCES)


def _is_condition(node: ast.expr, booleans: set[str]) -> bool:
  if isinstance(node, ast.Call):
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, 'id', '')
    return name in _PREDICATES
  if isinstance(node, ast.Name | ast.Attribute):
    return (node.id if isinstance(node, ast.Name) else node.attr) in booleans
  is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
  return is_not or isinstance(node, ast.Compare | ast.BoolOp)


def _booleans(tree: ast.Module) -> set[str]:
  """Returns the names in a file that are annotated as bool, or assigned from a condition."""
  names = set()
  for node in ast.walk(tree):
    if isinstance(node, ast.arg | ast.AnnAssign):
      if isinstance(node.annotation, ast.Name) and node.annotation.id == 'bool':
        names.add(node.arg if isinstance(node, ast.arg) else getattr(node.target, 'id', ''))
    elif isinstance(node, ast.Assign) and _is_condition(node.value, set()):
      names.update(target.id for target in node.targets if isinstance(target, ast.Name))
  return names


def _is_product(node: ast.AST, booleans: set[str]) -> bool:
  """Returns whether a node multiplies a sequence by a condition."""
  if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
    return False
  pairs = (node.left, node.right), (node.right, node.left)
  return any(_is_sequence(one) and _is_condition(other, booleans) for one, other in pairs)


def _is_splat(node: ast.AST, booleans: set[str]) -> bool:
  """Returns whether a node splats a literal that could stand there without its brackets."""
  if isinstance(node, ast.Starred):
    return isinstance(node.value, ast.List | ast.Tuple | ast.Set)
  if isinstance(node, ast.Dict):
    return any(
      key is None and isinstance(value, ast.Dict)
      for key, value in zip(node.keys, node.values, strict=True)
    )
  if not isinstance(node, ast.keyword) or node.arg is not None or not isinstance(node.value, ast.Dict):
    return False
  keys = [getattr(key, 'value', None) for key in node.value.keys]
  return all(isinstance(key, str) and key.isidentifier() for key in keys)


def _is_tuple_of_attributes(node: ast.AST, booleans: set[str]) -> bool:
  if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
    return False
  return any(
    isinstance(target, ast.Tuple) and any(isinstance(name, ast.Attribute) for name in target.elts)
    for target in node.targets
  )


CHECKS = {
  _is_product: 'a sequence times a condition: write `... if ... else ...`',
  _is_splat: 'the splat of a literal: write its items where they belong',
  _is_tuple_of_attributes: 'a tuple of attributes: set each in a separate statement',
}
"""{check of (node, names of booleans): the message}."""


def check(path: pathlib.Path) -> Iterator[str]:
  """Yields a line for each idiom in a file."""
  tree = ast.parse(path.read_text())
  booleans = _booleans(tree)
  for node in ast.walk(tree):
    for is_idiom, message in CHECKS.items():
      if is_idiom(node, booleans):
        line = getattr(node, 'lineno', None) or node.value.lineno
        yield f'{path.relative_to(ROOT)}:{line}: {message}'


def main() -> int:
  """Prints all idioms; 1 if any are left."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('files', nargs='*', type=pathlib.Path)
  files = [path.resolve() for path in parser.parse_args().files]
  if not files:
    files = [path for folder in CODE for path in sorted((ROOT / folder).rglob('*.py'))]
  lines = [line for path in files for line in check(path)]
  for line in lines:
    print(line)
  print(f'{len(lines)} idioms in {len(files)} files')
  return 1 if lines else 0


if __name__ == '__main__':
  sys.exit(main())
