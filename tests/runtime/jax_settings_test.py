"""JAX's global settings: a seed gives the same samples under all settings of the user."""

import json
import pathlib

import jax
import numpy as np
import pytest

from gan_jax import latents
from gan_jax.common import rng
from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.runtime import jax_settings
from gan_jax.storage import hardware, load_run
from helpers.commands import command
from helpers.experiments import EXPERIMENTS, experiment

OVERRIDDEN = {
  'JAX_ENABLE_X64': '1',
  'JAX_DEFAULT_PRNG_IMPL': 'rbg',
  'JAX_THREEFRY_PARTITIONABLE': '0',
  'JAX_RANDOM_SEED_OFFSET': '7',
  'JAX_NUMPY_DTYPE_PROMOTION': 'strict',
  'JAX_NUMPY_RANK_PROMOTION': 'raise',
  'JAX_TRANSFER_GUARD': 'disallow',
  'JAX_DEBUG_NANS': '1',
}

GAN = ('--config=experiments/gan.py:test', '--config.steps=4')


@pytest.mark.slow
def test_commands_under_overridden_settings_draw_the_same(tmp_path, monkeypatch):
  usual, other = tmp_path / 'usual', tmp_path / 'other'
  assert command(*GAN, f'--workdir={usual}').returncode == 0
  draw = ('--num=8', f'--workdir={usual}')
  assert command(*draw, f'--out={tmp_path}/usual.npz', verb='sample').returncode == 0
  for name, value in (OVERRIDDEN | {'JAX_DEBUG_KEY_REUSE': '1'}).items():
    monkeypatch.setenv(name, value)
  done = command(*GAN, f'--workdir={other}')
  assert done.returncode == 0, done.stderr
  for name in OVERRIDDEN:
    assert f'warning: {name}=' in done.stderr
  assert _losses(other) == _losses(usual)
  assert (other / hardware.FILE).read_text() == (usual / hardware.FILE).read_text()
  done = command(*draw, f'--out={tmp_path}/other.npz', verb='sample')
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 'other.npz').read_bytes() == (tmp_path / 'usual.npz').read_bytes()


def _losses(folder: pathlib.Path) -> list:
  lines = map(json.loads, (folder / 'metrics.jsonl').read_text().splitlines())
  return [{k: v for k, v in line.items() if 'loss' in k or 'grad' in k} for line in lines]


def test_show_data_with_jit_disabled_is_rejected(tmp_path, monkeypatch):
  monkeypatch.setenv('JAX_DISABLE_JIT', '1')
  done = command(GAN[0], f'--out={tmp_path}/x.png', verb='show_data')
  assert done.returncode == 2
  assert done.stderr.startswith('error: JAX_DISABLE_JIT=True: it prevents compiled programs')
  assert not any(tmp_path.iterdir())


def test_draw_under_settings_of_the_caller_gives_the_same_samples():
  config = experiment(next(path for path in EXPERIMENTS if path.stem == 'gan'), 'ring-test')
  game = build.make_game(parse(config).game)
  variables = game.init(
    rng.key_for(0, 'weights'),
    build.make_batch(build.make_source(parse(config).data), config['batch_size']),
  )
  usual = list(load_run.draw(game, variables, 5, 3))
  with (
    jax.enable_x64(True),
    jax.default_prng_impl('rbg'),
    jax.threefry_partitionable(False),
    jax.numpy_dtype_promotion('strict'),
    jax.numpy_rank_promotion('raise'),
  ):
    other = list(load_run.draw(game, variables, 5, 3))
  np.testing.assert_array_equal(usual, other)
  assert other[0].dtype == np.float32


@pytest.mark.parametrize(
  'prior', [latents.normal(4), latents.uniform(4), latents.mixture(4, 3, 0.1)], ids=range(3)
)
def test_priors_in_double_precision_draw_the_same_float32(prior):
  keys = rng.sample_keys(0, 0, 3)
  with jax.enable_x64(True):
    drawn = prior(rng.sample_keys(0, 0, 3))
  assert drawn.dtype == np.float32
  np.testing.assert_allclose(drawn, prior(keys), rtol=1e-6)


def test_unusual_with_no_settings_is_empty():
  with jax.default_matmul_precision(None):
    assert 'MATMUL' not in jax_settings.unusual({})
    assert 'XLA' not in jax_settings.unusual({'XLA_FLAGS': f'{jax_settings._DEVICES}=8'})


def test_unusual_with_flags_is_their_sorted_list():
  given = {'XLA_FLAGS': f'--b=1 {jax_settings._DEVICES}=8 --a=2', 'NVIDIA_TF32_OVERRIDE': '0'}
  assert jax_settings.unusual(given).endswith('XLA_FLAGS=--a=2 --b=1, NVIDIA_TF32_OVERRIDE=0')


def test_hardware_with_another_precision_is_recorded_with_a_warning(tmp_path):
  warnings = []
  with jax.default_matmul_precision('bfloat16'):
    hardware.note(tmp_path, 0, warnings.append)
  assert not warnings
  hardware.note(tmp_path, 4, warnings.append)
  [line] = warnings
  assert line.startswith('jax_settings: JAX_DEFAULT_MATMUL_PRECISION=bfloat16')
  first, second = json.loads((tmp_path / hardware.FILE).read_text())
  assert 'bfloat16' in first['jax_settings']
  assert 'bfloat16' not in second['jax_settings']


def test_hardware_of_an_older_run_without_settings_gives_no_warning(tmp_path):
  older = {'from_step': 0, **hardware.current()}
  del older['jax_settings']
  (tmp_path / hardware.FILE).write_text(json.dumps([older]))
  warnings = []
  hardware.note(tmp_path, 4, warnings.append)
  assert not warnings


def test_card_has_a_field_only_for_unusual_settings(monkeypatch):
  monkeypatch.setattr(jax_settings, 'unusual', lambda: '')
  assert jax_settings.on_card() == {}
  monkeypatch.setattr(jax_settings, 'unusual', lambda: 'XLA_FLAGS=--a=1')
  assert jax_settings.on_card() == {'jax_settings': 'XLA_FLAGS=--a=1'}


def test_fix_with_default_settings_gives_no_warning():
  warnings = []
  jax_settings.fix(warnings.append)
  assert not warnings


def test_fix_with_unsafe_settings_overrides_them_with_a_warning():
  warnings = []
  jax.config.update('jax_random_seed_offset', 7)
  try:
    jax_settings.fix(warnings.append)
    assert jax.config.jax_random_seed_offset == 0
  finally:
    jax.config.update('jax_random_seed_offset', 0)
  assert warnings == [
    'JAX_RANDOM_SEED_OFFSET=7: it changes the samples of a seed; this command uses 0 instead'
  ]
