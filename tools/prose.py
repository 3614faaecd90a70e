"""Checks prose against docs/glossary.md: python tools/prose.py [FILE ...].

It reads README.md, CONTRIBUTING.md, CHANGELOG.md and docs/, and in Python files docstrings, comments,
messages, and the text of notebooks. It reports words that the glossary replaces, sentences that begin
with a dangling word, and long sentences. Code, quotes of code in backticks, and tables are not read.
"""

import argparse
import ast
import io
import pathlib
import re
import sys
import tokenize
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = ('*.md', 'docs/*.md', 'benchmarks/*.md', 'results/*.md')
CODE = ('gan_jax', 'experiments', 'benchmarks', 'results', 'docs', 'tools', 'notebooks')

WORDS = {
  r'\banew\b|\bafresh\b': 'again, new',
  r'\bmend(s|ed|ing)?\b': 'fix',
  r'\blessens?\b': 'reduce',
  r'\bslopes?\b': 'gradient, derivative',
  r'\bdeviations?\b(?<!standard deviation)(?<!standard deviations)': 'standard deviation, std',
  r'\bby heart\b': 'memorize',
  r'\blook(s|ed)? at once\b|\blooked at\b': 'read, computed, inspected',
  r'\bnews\b': 'contribution, change',
  r'\bso many\b|\bso manieth\b': 'n, a number of',
  r'\bas of\b': 'from, as in',
  r'\bof its own\b|\bof their own\b|\bof our own\b': 'its own, a separate',
  r'\bthere is none\b|\bthere are none\b|\bthere is no\b|\bthere are no\b': 'missing, unknown',
  r'\bis no\b|\bare no\b': 'is not a',
  r'\bdata sets?\b': 'dataset',
  r'\bcolour|\bgrey\b|neighbour|flavour|\wularis(e|ation)': 'US spelling',
  r'\b(minim|optim|normal|real|general|penal|synchron|initial|recogn|summar)is[aei]': 'US spelling',
  r'\bhow sure\b|\bfor a person\b|\bof a person\b': 'state the term',
  r'\bhad alone\b|\bcan be had\b|\bto be had\b': 'available',
  r'\bat rest\b(?=.*picture)': 'stored',
  r'\bput in its place\b|\bin place of what\b': 'replace',
  r'\bis told\b|\bare told\b|\btells of\b|\btold of\b': 'reports',
  r'\bone of theirs\b|\bone of ours\b': 'name it',
}
"""{pattern: what to write instead}."""

OPENINGS = re.compile(r'^(What|Of|So|Else|Here, for|For it)\b')
LONGEST = 32
"""Words of a sentence, counting code in backticks as one word."""

_QUOTED = re.compile(r'`[^`]*`|"[^"]*"|\{[^{}]*\}|https?://\S+|--?[a-z_.]+=\S*|\$[^$]*\$')


def sentences(text: str) -> Iterator[str]:
  """The sentences of a text without its code, lists one item at a time."""
  text = re.sub(r'```.*?```|~~~.*?~~~', ' ', text, flags=re.S)
  # Examples for doctest reach to the next empty line.
  text = re.sub(r'^\s*>>> .*?(?=\n\s*\n|\Z)', ' ', text, flags=re.S | re.M)
  for block in re.split(r'\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)|\n(?=\s*\|)|\n(?=\s*\w+:\s)', text):
    if block.lstrip().startswith(('|', '#', '>>>', 'python ', 'make ', '!')):
      continue
    plain = ' '.join(_QUOTED.sub('CODE', block).split())
    yield from re.split(r'(?<=[.!?;:])\s+(?=[A-Z])', re.sub(r'^([-*]|\d+\.)\s+', '', plain))


def faults(text: str) -> Iterator[str]:
  """What is wrong in a text, one line each."""
  for sentence in sentences(text):
    for pattern, instead in WORDS.items():
      match = re.search(pattern, sentence, re.IGNORECASE)
      if match:
        yield f'{match[0]!r}: write {instead}: {sentence[:90]}'
    if OPENINGS.match(sentence):
      yield f'begins with a dangling word: {sentence[:90]}'
    if len(sentence.split()) > LONGEST:
      yield f'{len(sentence.split())} words: {sentence[:90]}'


def _messages(tree: ast.Module) -> Iterator[tuple[int, str]]:
  """Docstrings of a module, and texts of two words or more in it."""
  inside = {
    id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
  }
  for node in ast.walk(tree):
    if isinstance(node, ast.JoinedStr):
      text = ''.join(v.value if isinstance(v, ast.Constant) else 'CODE' for v in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
      text = node.value
    else:
      continue
    if text.count(' ') > 1:
      yield node.lineno, text


def _comments(source: str) -> Iterator[tuple[int, str]]:
  start, lines = 0, []
  for token in tokenize.generate_tokens(io.StringIO(source).readline):
    if (
      token.type != tokenize.COMMENT
      or 'noqa' in token.string
      or token.string.startswith(('#!', '# %%'))
    ):
      continue
    if lines and token.start[0] != start + len(lines):
      yield start, '\n'.join(lines)
      lines = []
    start = start if lines else token.start[0]
    lines.append(token.string.removeprefix('#').removeprefix(' '))
  if lines:
    yield start, '\n'.join(lines)


def check(path: pathlib.Path) -> list[str]:
  """The faults of one file, each with its line."""
  text = path.read_text()
  if path.suffix != '.py':
    return [f'{path.relative_to(ROOT)}: {fault}' for fault in faults(text)]
  parts = [*_messages(ast.parse(text)), *_comments(text)]
  return [
    f'{path.relative_to(ROOT)}:{line}: {fault}'
    for line, part in sorted(parts)
    for fault in faults(part)
  ]


def main() -> int:
  """Prints all faults; 1 if there are any."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('files', nargs='*', type=pathlib.Path)
  files = [path.resolve() for path in parser.parse_args().files]
  if not files:
    files = [path for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern))]
    files += [path for folder in CODE for path in sorted((ROOT / folder).rglob('*.py'))]
    files.remove(pathlib.Path(__file__).resolve())
  found = [fault for path in files for fault in check(path)]
  print('\n'.join(found))
  print(f'{len(found)} faults of prose in {len(files)} files')
  return 1 if found else 0


if __name__ == '__main__':
  sys.exit(main())
