"""The notebooks: files that agree, and kernels that train in a cell."""

import contextlib
import json
import os
import pathlib
import re
import runpy
import time
from collections.abc import Iterator
from typing import Any

import pytest

from helpers.experiments import ROOT

SYNC = runpy.run_path(str(ROOT / 'tools' / 'sync_notebooks.py'))
SOURCES = SYNC['SOURCES']
TRAIN = """
import gan_jax
config = gan_jax.load_config('gan:ring-test', steps=STEPS, checkpoint_every=STEPS)
run = gan_jax.train(config, 'run')
print('at', run.step)
"""


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: path.stem)
def test_notebook_is_the_one_that_its_source_gives(path):
  expected = SYNC['converted'](path.stem, path.read_text())
  assert path.with_suffix('.ipynb').read_text() == expected, 'run make notebooks-sync'


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: path.stem)
def test_notebook_begins_with_title_time_badge_and_guarded_install(path):
  cells = json.loads(path.with_suffix('.ipynb').read_text())['cells']
  first, install = (''.join(cell['source']) for cell in cells[:2])
  assert re.match(rf'# {path.stem[0]}\. ', first)
  assert '**You learn**' in first and '**Time:**' in first
  assert f'/notebooks/{path.stem}.ipynb)' in first
  assert re.search(r"find_spec\('gan_jax'\) is None:\n  %pip install --quiet '?gan_jax", install)


def test_every_notebook_has_a_source():
  notebooks = sorted((ROOT / 'notebooks').glob('*.ipynb'))
  assert [path.stem for path in notebooks] == [path.stem for path in SOURCES]
  assert len(SOURCES) == 7


def test_table_of_the_documentation_names_every_notebook():
  page = (ROOT / 'docs' / 'notebooks.md').read_text()
  assert re.findall(r'^\| `(\w+)\.ipynb`', page, re.M) == [path.stem for path in SOURCES]


class Kernel:
  """A kernel of this Python in an empty folder, which imports this checkout."""

  def __init__(self, folder: pathlib.Path):
    jupyter = pytest.importorskip('jupyter_client.manager', reason='a kernel needs jupyter_client')
    pytest.importorskip('ipykernel', reason='a kernel needs ipykernel')
    pytest.importorskip('ipywidgets', reason='the bar in a cell needs ipywidgets')
    environment = os.environ | {'PYTHONPATH': str(ROOT)}
    self.manager, self.client = jupyter.start_new_kernel(cwd=str(folder), env=environment)

  def run(self, code: str) -> list[tuple[str, Any]]:
    """Executes a cell, and returns the types and contents of the messages that it sends."""
    messages = []
    note = lambda message: messages.append((message['header']['msg_type'], message['content']))
    reply = self.client.execute_interactive(code, output_hook=note, timeout=300)
    assert reply['content']['status'] == 'ok', reply['content']
    return messages

  def close(self) -> None:
    self.client.stop_channels()
    self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: pathlib.Path) -> Iterator[Kernel]:
  with contextlib.closing(Kernel(tmp_path)) as kernel:
    yield kernel


def _text(messages: list[tuple[str, Any]]) -> str:
  return ''.join(content.get('text', '') for _, content in messages)


def _types(messages: list[tuple[str, Any]], mime: str) -> list[str]:
  """The types of the messages that hold data of a MIME type."""
  return [kind for kind, content in messages if mime in content.get('data', ())]


@pytest.mark.slow
def test_training_in_a_cell_shows_a_bar_and_a_picture_that_is_replaced(kernel):
  messages = kernel.run(TRAIN.replace('STEPS', '16'))
  first, *others = _types(messages, 'image/png')
  assert first == 'display_data'
  assert others and set(others) == {'update_display_data'}
  assert _types(messages, 'application/vnd.jupyter.widget-view+json') == ['display_data']
  assert _text(messages).endswith('at 16\n')


@pytest.mark.slow
def test_training_cell_that_runs_twice_returns_the_same_run(kernel):
  first, second = (_text(kernel.run(TRAIN.replace('STEPS', '16'))) for _ in range(2))
  assert 'first step after' in first
  assert 'first step after' not in second
  assert second.endswith('at 16\n')


@pytest.mark.slow
def test_interrupt_saves_a_checkpoint_and_the_next_run_of_the_cell_continues(kernel, tmp_path):
  cell = TRAIN.replace('STEPS', '2_000_000')
  saved = _interrupted(kernel, cell, tmp_path / 'run', after=0)
  assert 0 < saved < 2_000_000
  assert kernel.manager.is_alive()
  assert '(2, 2)' in _text(kernel.run('print(gan_jax.load("run").sample(2).shape)'))
  assert _interrupted(kernel, cell, tmp_path / 'run', after=saved) > saved


def _newest_picture(folder: pathlib.Path) -> int:
  pictures = (folder / 'samples').glob('step_*.png')
  return max([int(path.stem.removeprefix('step_')) for path in pictures], default=0)


def _interrupted(kernel: Kernel, cell: str, folder: pathlib.Path, after: int) -> int:
  """Interrupts a cell that trains once it is past a step; returns the step of the checkpoint."""
  message = kernel.client.execute(cell)
  deadline = time.monotonic() + 120
  while (
    max([int(path.stem[5:]) for path in (folder / 'samples').glob('step_*.png')], default=0) <= after
  ):
    assert time.monotonic() < deadline, 'no picture after two minutes'
    time.sleep(0.1)
  kernel.manager.interrupt_kernel()
  reply = kernel.client.get_shell_msg(timeout=120)
  assert reply['parent_header']['msg_id'] == message
  assert reply['content']['status'] == 'ok', reply['content']
  return int(_text(kernel.run('print(run.step)')))
