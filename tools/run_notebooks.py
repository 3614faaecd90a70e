"""Executes notebooks/*.ipynb: python tools/run_notebooks.py [--only=1,4] [--full].

Each runs in a new kernel of this Python, in a new empty folder, with small presets unless --full is
given. The time of each is printed, and the executed notebooks lie in build/notebooks, as .ipynb and as
HTML. An error in a cell ends the command after the other notebooks have run.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

ROOT = pathlib.Path(__file__).parents[1]
OUT = ROOT / 'build' / 'notebooks'
TIMEOUT = 3600
"""Seconds that a cell may take."""


def execute(path: pathlib.Path, out: pathlib.Path) -> str:
  """Executes a notebook in an empty folder; returns the error of a cell, or ''."""
  notebook = nbformat.read(path, as_version=4)
  error = ''
  with tempfile.TemporaryDirectory(prefix='notebook_') as folder:
    resources = {'metadata': {'path': folder}}
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name='python3', resources=resources)
    try:
      client.execute()
    except CellExecutionError as failure:
      error = f'{failure.ename}: {failure.evalue}'
  out.mkdir(parents=True, exist_ok=True)
  nbformat.write(notebook, out / path.name)
  page, _ = HTMLExporter().from_notebook_node(notebook)
  (out / path.with_suffix('.html').name).write_text(page)
  return error


def chosen(only: str) -> list[pathlib.Path]:
  """Returns the notebooks whose numbers are in a list such as '1,4'; all if it is empty."""
  numbers = [number for number in only.split(',') if number]
  paths = sorted((ROOT / 'notebooks').glob('*.ipynb'))
  known = [path.name.partition('_')[0] for path in paths]
  unknown = [number for number in numbers if number not in known]
  if unknown:
    sys.exit(f'--only={only}: no notebook {unknown[0]} ({known[0]} to {known[-1]}); change --only')
  return [path for path, number in zip(paths, known, strict=True) if not numbers or number in numbers]


def main() -> int:
  """Executes the chosen notebooks; 1 if one of them fails."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--only', default='', help='numbers of notebooks, by commas')
  parser.add_argument('--full', action='store_true', help='train as long as the notebooks say')
  arguments = parser.parse_args()
  os.environ['GAN_JAX_QUICK'] = '0' if arguments.full else '1'
  failed = []
  for path in chosen(arguments.only):
    began = time.perf_counter()
    error = execute(path, OUT)
    print(f'{path.stem}: {time.perf_counter() - began:.0f} s{" FAILED" if error else ""}', flush=True)
    if error:
      failed.append(path.stem)
      print(error)
  print(f'executed notebooks: {OUT}')
  return 1 if failed else 0


if __name__ == '__main__':
  sys.exit(main())
