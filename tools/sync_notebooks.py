"""Writes notebooks/*.ipynb from the percent scripts notebooks/*.py: python tools/sync_notebooks.py.

A source has cells that begin with `# %%`, or with `# %% [markdown]` for text. A line `# %magic` becomes
`%magic`, and `{badge}` becomes the link that opens the notebook in Colab. Jupytext reads the sources.
"""

import json
import pathlib
import re
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted((ROOT / 'notebooks').glob('*.py'))
REPOSITORY = 'gan-jax/gan_jax'
"""The owner and the name on GitHub, from which Colab opens a notebook."""

_COLAB = 'https://colab.research.google.com'
_MARKER = '# %%'
_TEXT = f'{_MARKER} [markdown]'


def badge(name: str) -> str:
  """Returns the Markdown of the link that opens a notebook in Colab."""
  image = f'[![Open in Colab]({_COLAB}/assets/colab-badge.svg)]'
  return f'{image}({_COLAB}/github/{REPOSITORY}/blob/main/notebooks/{name}.ipynb)'


def cells(source: str) -> Iterator[tuple[str, str]]:
  """Yields the kind of each cell, 'markdown' or 'code', and its text."""
  for block in re.split(rf'^(?={_MARKER})', source, flags=re.M)[1:]:
    marker, *lines = block.strip().splitlines()
    if marker == _TEXT:
      yield 'markdown', '\n'.join(line.removeprefix('#').removeprefix(' ') for line in lines).strip()
    else:
      yield 'code', re.sub(r'^(\s*)# %(?=\w)', r'\1%', '\n'.join(lines).strip(), flags=re.M)


def converted(name: str, source: str) -> str:
  """Returns the .ipynb file of a source, without outputs."""
  written = []
  for number, (kind, text) in enumerate(cells(source)):
    lines = text.replace('{badge}', badge(name)).splitlines(keepends=True)
    cell = {'cell_type': kind, 'id': f'cell-{number}', 'metadata': {}, 'source': lines}
    written.append(cell if kind == 'markdown' else {**cell, 'execution_count': None, 'outputs': []})
  kernel = {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'}
  metadata = {'kernelspec': kernel, 'language_info': {'name': 'python'}}
  notebook = {'cells': written, 'metadata': metadata, 'nbformat': 4, 'nbformat_minor': 5}
  return json.dumps(notebook, indent=1, ensure_ascii=False) + '\n'


def main() -> None:
  """Writes all notebooks."""
  for path in SOURCES:
    path.with_suffix('.ipynb').write_text(converted(path.stem, path.read_text()))
  print(f'{len(SOURCES)} notebooks')


if __name__ == '__main__':
  main()
