"""Samples and scores of a run with truncated latents, from Python and by the command."""

import json

import numpy as np
import pytest

from gan_jax.api.run import Run, StoredRun
from gan_jax.commands import evaluate, sample
from gan_jax.common.errors import ConfigError
from gan_jax.storage import load_run, workdir
from helpers import models


@pytest.fixture(scope='module')
def loaded():
  """What a run of a game with labels and normal latents loads."""
  model = models.of_experiment('conditional', 'ring-test')
  return model.config, (model.game, model.variables, model.step)


@pytest.fixture
def run(loaded, monkeypatch, tmp_path):
  config, parts = loaded
  workdir.write_config(tmp_path, config)
  monkeypatch.setattr(StoredRun, 'load', lambda self: parts)
  monkeypatch.setattr(load_run, 'load', lambda *_: parts)
  return Run(tmp_path)


def test_sample_and_command_draw_the_same_truncated_samples(run, tmp_path, capsys):
  out = tmp_path / 'a.npz'
  flags = ['--num=6', '--seed=3', '--label=0,1', '--truncation=0.5', f'--out={out}']
  assert sample.main(['sample', f'--workdir={run.folder}', *flags]) == 0
  assert '6 samples of step 0, seed 3' in capsys.readouterr().out
  found = run.sample(6, seed=3, label=[0, 1], truncation=0.5)
  np.testing.assert_array_equal(found, np.load(out)['points'])
  assert (found != run.sample(6, seed=3, label=[0, 1])).all()


def test_large_truncation_changes_no_sample(run):
  # Without a label, the game draws the same ones.
  np.testing.assert_array_equal(run.sample(6, truncation=20.0), run.sample(6))


def test_evaluate_and_command_score_the_same_truncated_samples(run, capsys):
  asked = {'features': 'coordinates', 'scores': ['frechet_distance'], 'num': 20}
  found = run.evaluate(**asked, truncation=0.5)
  flags = ['--features=coordinates', '--scores=frechet_distance', '--num=20', '--truncation=0.5']
  assert evaluate.main(['evaluate', f'--workdir={run.folder}', *flags]) == 0
  *_, line = (run.folder / 'scores.jsonl').read_text().splitlines()
  assert json.loads(line)['scores'] == found
  assert json.loads(line)['card']['truncation'] == 0.5
  assert run.evaluate(**asked) == run.evaluate(**asked, truncation=20.0) != found
  assert 'truncation' in capsys.readouterr().out


def test_bad_truncation_of_an_evaluation_is_rejected(run):
  with pytest.raises(ConfigError, match='^--truncation=-1.0: out of range'):
    evaluate.main(['evaluate', f'--workdir={run.folder}', '--truncation=-1'])
  with pytest.raises(ConfigError, match='^--truncation: it applies to a run'):
    evaluate.main(['evaluate', '--real=a', '--fake=b', '--truncation=1'])


@pytest.mark.parametrize(
  ('flag', 'message'),
  [
    ('--truncation=0', '--truncation=0.0: out of range'),
    ('--truncation=x', '--truncation=x: of the wrong kind'),
  ],
)
def test_bad_flag_is_rejected(run, flag, message):
  with pytest.raises(ConfigError, match=f'^{message}'):
    sample.main(['sample', f'--workdir={run.folder}', flag])
