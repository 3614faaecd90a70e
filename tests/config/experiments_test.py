"""Experiments by name and by file, and what their files say about themselves."""

import pathlib
import subprocess
import sys

import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config import experiments, presets
from helpers.experiments import EXPERIMENTS, ROOT

OWN = """
from ml_collections import ConfigDict

WORDS = ('tiny',)

def get_config(preset='none'):
  return ConfigDict({'preset': preset})
"""


def test_shipped_experiments_are_the_files_of_the_repository():
  assert list(experiments.shipped().values()) == EXPERIMENTS
  assert list(experiments.shipped()) == [path.stem for path in EXPERIMENTS]


@pytest.mark.parametrize('preset', ['', 'ring', 'ring-test'])
def test_find_by_name_returns_the_shipped_file_from_any_folder(tmp_path, monkeypatch, preset):
  monkeypatch.chdir(tmp_path)
  found = experiments.find(f'dcgan:{preset}' if preset else 'dcgan')
  assert found == (ROOT / 'experiments' / 'dcgan.py', preset)


def test_find_prefers_a_file_that_exists(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'dcgan').write_text(OWN)
  assert experiments.find('dcgan:a:b') == (pathlib.Path('dcgan'), 'a:b')
  (tmp_path / 'gan').mkdir()
  assert experiments.find('gan')[0] == ROOT / 'experiments' / 'gan.py'


@pytest.mark.parametrize(
  ('text', 'remedy'),
  [
    ('dgcan', "; did you mean 'dcgan'?"),
    ('experiments/dgcan.py:ring', "; did you mean 'dcgan'?"),
    ('zzz', '; gan-jax list shows'),
  ],
)
def test_find_unknown_experiment_is_rejected_with_a_remedy(tmp_path, monkeypatch, text, remedy):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(ConfigError) as error:
    experiments.find(text, '--config')
  message = str(error.value)
  assert message.startswith(f'--config={text}: neither a file nor a shipped experiment ')
  assert remedy in message


def test_load_passes_the_preset_to_get_config(tmp_path):
  file = tmp_path / 'own.py'
  file.write_text(OWN)
  assert experiments.load(str(file)).preset == 'none'
  assert experiments.load(f'{file}:a-b').preset == 'a-b'
  assert experiments.load('gan:ring-test').data.name == 'ring'


def test_load_of_a_file_without_a_config_or_an_unknown_word_is_rejected(tmp_path):
  file = tmp_path / 'empty.py'
  file.write_text('')
  with pytest.raises(ConfigError, match=r'empty.py defines no function get_config\(preset=\'\'\)'):
    experiments.load(str(file))
  file.write_text('def get_config():\n  return {}\n')
  with pytest.raises(ConfigError, match='empty.py: get_config returns dict '):
    experiments.load(str(file))
  with pytest.raises(ConfigError, match="config=gan:rng: unknown name 'rng'.* mean 'ring'"):
    experiments.load('gan:rng')


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_every_word_of_an_experiment_is_a_preset(path):
  summary = experiments.summary(path)
  assert 'arXiv' in summary.title and summary.title.endswith('.')
  assert experiments.presets(path) == (*summary.words, *presets.WORDS)
  for word in summary.words:
    assert experiments.load(f'{path}:{word}').gan.name


def test_summary_reads_the_file_without_executing_it(tmp_path):
  file = tmp_path / 'own.py'
  file.write_text(f'"""Title: a paper.\n\nMore.\n"""\n{OWN}\nraise SystemExit(1)\n')
  assert experiments.summary(file) == ('Title: a paper.', ('tiny',))


def test_listing_experiments_imports_no_jax():
  script = (
    'import sys; from gan_jax.config import experiments as e; '
    'print([e.presets(f)[0] for f in e.shipped().values()][5], "jax" in sys.modules)'
  )
  done = subprocess.run(
    [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=True
  )
  assert done.stdout == 'mnist False\n'
