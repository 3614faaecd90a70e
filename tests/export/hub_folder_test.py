"""A folder for a model hub: complete, and its card says how to use it."""

import json
import re
import shutil

import numpy as np
import pytest
import yaml

from gan_jax import export
from gan_jax.common import pixels, plots
from gan_jax.export import card as hub_card
from gan_jax.export import hub_folder
from gan_jax.storage import load_run, metrics_log
from helpers import models

SCORES = {
  'step': 8,
  'scores': {'frechet_digits': 12.5, 'kernel_error_digits': None},
  'card': {
    'data': 'mnist5k',
    'features': 'digits',
    'generated': 50,
    'real': 5000,
    'split': 'train',
    'seed': 0,
    'weights': 'averaged',
    'remarks': {'kernel_error_digits': 'one subset'},
  },
}
OTHER = {'step': 4, 'scores': {'frechet_digits': 99.5}, 'card': {'weights': 'averaged'}}
RAW = {'step': 8, 'scores': {'frechet_digits': 77.5}, 'card': {'weights': 'raw'}}


@pytest.fixture(scope='module')
def run(finished_run, tmp_path_factory):
  """A finished run with scores of several weights."""
  folder = tmp_path_factory.mktemp('scored')
  shutil.copytree(finished_run / 'checkpoints', folder / 'checkpoints')
  shutil.copy(finished_run / 'config.json', folder)
  for line in (OTHER, SCORES, RAW):
    metrics_log.add_scores(folder, line)
  return folder


@pytest.fixture(scope='module')
def hub(run, tmp_path_factory):
  folder = tmp_path_factory.mktemp('hub') / 'model'
  paths, _ = export.write(run, f'{folder}/')
  assert paths == sorted(folder.iterdir())
  return folder


def card(folder):
  """The header, the text, and the Python code of a card."""
  _, header, text = (folder / 'README.md').read_text().split('---\n', 2)
  (code,) = re.findall(r'```python\n(.*?)```', text, re.S)
  return yaml.safe_load(header), text, code


def test_folder_is_complete(run, hub):
  assert [path.name for path in sorted(hub.iterdir())] == [
    'README.md',
    'config.json',
    'generator.latents.stablehlo',
    'generator.stablehlo',
    'model.safetensors',
    'samples.png',
  ]
  assert json.loads((hub / 'config.json').read_text()) == json.loads((run / 'config.json').read_text())
  assert list(hub.parent.iterdir()) == [hub]


def test_samples_are_those_of_seed_0(run, hub):
  game, variables, _ = load_run.load(run)
  expected = plots.grid(next(load_run.draw(game, variables, 64, seed=0)))
  np.testing.assert_array_equal(pixels.read_png(hub / 'samples.png'), expected)


def test_card_states_library_tags_step_and_settings(hub):
  header, text, _ = card(hub)
  assert header['library_name'] == 'gan_jax'
  assert 'unconditional-image-generation' in header['tags']
  assert 'license' not in header
  assert 'averaged weights after 8 of 8 steps' in text
  assert '| `players.generator.learning_rate` | `0.0002` |' in text


def test_card_of_a_game_with_labels_is_not_tagged_as_unconditional():
  model = models.of_experiment('dcgan')
  tag = 'unconditional-image-generation'
  assert tag in hub_card.text(model, ['model.stablehlo'])
  labeled = model._replace(game=model.game._replace(classes=10))
  assert tag not in hub_card.text(labeled, ['model.stablehlo'])


def test_card_has_the_scores_of_its_weights_with_their_protocol(hub):
  _, text, _ = card(hub)
  assert '| frechet_digits | 12.5 | mnist5k | digits | 50 | 5000 | train | 0 |' in text
  assert '| kernel_error_digits | - (one subset) | mnist5k | digits' in text
  assert '99.5' not in text
  assert '77.5' not in text


def test_code_of_the_card_draws_the_samples_without_gan_jax(hub):
  _, _, code = card(hub)
  assert len(code.strip().splitlines()) <= 11
  models.run_without_gan_jax(code + "np.save('../pixels.npy', pixels)\n", hub)
  drawn = np.load(hub.parent / 'pixels.npy')
  (hub.parent / 'pixels.npy').unlink()
  grid = pixels.read_png(hub / 'samples.png')
  assert drawn.shape == (64, 28, 28, 1)
  np.testing.assert_array_equal(plots.grid(drawn), grid)


def test_folder_of_points_has_a_plot_and_code(tmp_path):
  hub_folder.write(tmp_path / 'points', models.of_experiment('gan', 'ring-test'))
  header, text, code = card(tmp_path / 'points')
  assert 'unconditional-image-generation' not in header['tags']
  assert 'These weights have not been scored' in text
  models.run_without_gan_jax(code + 'assert points.shape == (64, 2)\n', tmp_path / 'points')
  assert pixels.read_png(tmp_path / 'points' / 'samples.png').shape == (480, 560, 3)
