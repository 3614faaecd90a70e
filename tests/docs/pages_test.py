"""README, changelog, glossary and the other pages agree with the code."""

import importlib.util
import re

import jax
import numpy as np
import pytest

from gan_jax.common import renamed
from helpers.experiments import EXPERIMENTS, ROOT

README = (ROOT / 'README.md').read_text()
CHANGELOG = (ROOT / 'CHANGELOG.md').read_text()
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]


def prose():
  """The module of tools/prose.py."""
  spec = importlib.util.spec_from_file_location('prose', ROOT / 'tools' / 'prose.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def test_readme_is_short():
  assert len(README.splitlines()) <= 150
  assert len(README.split()) <= 1200


def test_readme_lists_every_experiment():
  table = README.split('## Experiments')[1]
  assert {path.stem for path in EXPERIMENTS} <= set(re.findall(r'`(\w+)`', table))


def test_loss_of_the_readme_has_a_finite_gradient():
  (code,) = [block for block in re.findall(r'```python\n(.*?)```', README, re.S) if 'hinge' in block]
  names = {}
  exec(code, names)
  rng = np.random.default_rng(0)
  params = {'hidden': rng.normal(size=(2, 8)), 'output': rng.normal(size=8)}
  keys = jax.random.split(jax.random.key(0), 4)
  gradient = names['gradient'](params, keys, rng.normal(size=(4, 2)), rng.normal(size=(4, 2)))
  assert {name: value.shape for name, value in gradient.items()} == {'hidden': (2, 8), 'output': (8,)}
  assert all(np.isfinite(value).all() and np.abs(value).max() > 0 for value in gradient.values())


def test_changelog_has_every_renamed_key():
  rows = dict(re.findall(r'^\| `([^`]+)` \| `([^`]+)` \|$', CHANGELOG, re.M))
  wanted = {}
  for old, new in renamed._RENAMED.items():
    parent = ''.join(f'{name}.' for name in old.split('.')[:-1])
    wanted[f'{parent}{old.split(".")[-1]}'] = f'{parent}{new}'
  listed = {old.replace('<player>', '*'): new.replace('<player>', '*') for old, new in rows.items()}
  assert wanted.items() <= listed.items()


@pytest.mark.parametrize('page', PAGES, ids=lambda path: path.stem)
def test_pages_use_present_config_keys(page):
  text = page.read_text()
  assert re.findall(r'config\.(update|unroll|keep)\b|\bbad_share\b', text) == []
  assert re.findall(r'players\.\w+\.(steps|before|after|constraints)\b', text) == []


@pytest.mark.parametrize('page', PAGES, ids=lambda path: path.stem)
def test_paths_on_pages_exist(page):
  paths = re.findall(
    r'`((?:gan_jax|tests|docs|experiments|tools|benchmarks|results)/[\w./]+)', page.read_text()
  )
  assert [path for path in paths if not (ROOT / path).exists()] == []


def test_glossary_names_every_replaced_phrase():
  glossary = (ROOT / 'docs' / 'glossary.md').read_text()
  replaced = [row.split('|')[-2] for row in glossary.splitlines() if row.startswith('| ')]
  missing = [
    pattern
    for pattern in prose().WORDS
    if not any(re.search(pattern, text, re.IGNORECASE) for text in replaced)
  ]
  assert missing == []


@pytest.mark.parametrize('page', [*PAGES, ROOT / 'CHANGELOG.md'], ids=lambda path: path.stem)
def test_pages_have_no_faults_of_prose(page):
  assert prose().check(page) == []


def test_code_of_the_python_page_runs(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  page = (ROOT / 'docs' / 'python.md').read_text()
  first, *others = re.findall(r'```python\n(.*?)```', page, re.S)
  assert first.startswith('import gan_jax\n\nconfig = gan_jax.load_config(')
  assert next(block for block in re.findall(r'```python\n(.*?)```', README, re.S)) in first
  for code in (first, *others):
    exec(code.replace('dcgan:test', 'gan:test'), {})
  assert (tmp_path / 'runs' / 'small' / 'report.html').exists()
