"""The skeletons of docs/extending.md take a first step, and the test among them passes."""

import importlib.util
import sys

import numpy as np
import pytest

import gan_jax.gans
from helpers.experiments import ROOT, first_step

SKELETONS = ROOT / 'docs' / 'skeletons'
VARIANT = 'gan_jax.gans.skeleton'


def load(name, path):
  """Returns the module of a file, registered under `name`."""
  spec = importlib.util.spec_from_file_location(name, path)
  module = importlib.util.module_from_spec(spec)
  sys.modules[name] = module
  spec.loader.exec_module(module)
  return module


@pytest.fixture
def variant(monkeypatch, tmp_path):
  """Puts the variant where a game named 'skeleton' is looked up, as a copy of the file would."""
  copy = tmp_path / 'skeleton.py'
  copy.write_bytes((SKELETONS / 'variant.py').read_bytes())
  monkeypatch.setattr(gan_jax.gans, '__path__', [*gan_jax.gans.__path__, str(tmp_path)])
  yield
  sys.modules.pop(VARIANT, None)
  if hasattr(gan_jax.gans, 'skeleton'):
    delattr(gan_jax.gans, 'skeleton')


@pytest.mark.parametrize('preset', ['ring-test', 'test'])
@pytest.mark.usefixtures('variant')
def test_first_step_of_the_skeleton_is_finite_and_moves_all_players(preset):
  metrics = first_step(SKELETONS / 'experiment.py', preset)
  assert all(np.isfinite(value) for value in metrics.values())
  assert all(value > 0 for name, value in metrics.items() if name.endswith('gradient_norm'))


@pytest.mark.usefixtures('variant')
def test_the_skeleton_of_a_test_passes():
  module = load('skeleton_test', SKELETONS / 'test.py')
  tests = [function for name, function in vars(module).items() if name.startswith('test_')]
  assert len(tests) == 2
  for test in tests:
    test()
