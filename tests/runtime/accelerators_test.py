"""Messages about missing and unused devices, and exit codes of commands."""

import jax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.runtime import accelerators
from helpers.commands import command

GAN = '--config=experiments/gan.py:test'


@pytest.mark.parametrize('verb', ['train', 'study', 'show_data'])
def test_commands_on_a_missing_platform_are_rejected(tmp_path, verb):
  flag = '--workdir' if verb == 'train' else '--out'
  out = tmp_path / ('x.png' if verb == 'show_data' else 'run')
  done = command(GAN, f'{flag}={out}', verb=verb, platforms='cuda')
  assert done.returncode == 2
  [line] = done.stderr.strip().splitlines()
  assert line.startswith('error: JAX_PLATFORMS=cuda: JAX finds no such device')
  assert line.endswith("pip install 'gan_jax[cuda13]', or 'gan_jax[cuda12]' for an older driver")
  assert not any(tmp_path.iterdir())


@pytest.mark.parametrize('verb', ['sample', 'evaluate', 'report'])
def test_commands_on_an_unknown_platform_are_rejected(finished_run, tmp_path, verb):
  done = command(f'--workdir={finished_run}', verb=verb, platforms='nonsense')
  assert done.returncode == 2
  assert done.stderr.startswith('error: JAX_PLATFORMS=nonsense: JAX finds no such device (')
  assert done.stderr.endswith('; unset JAX_PLATFORMS to use the devices that exist\n')


def test_check_with_busy_devices_reports_the_message_of_jax(monkeypatch):
  def devices():
    raise RuntimeError('The TPU is already in use by process 7')

  monkeypatch.setattr(jax, 'devices', devices)
  monkeypatch.setattr(accelerators, '_platforms', lambda: '')
  with pytest.raises(ConfigError, match='The TPU is already in use by process 7.; set JAX_'):
    accelerators.check()


def test_first_line_of_a_run_names_the_devices(tmp_path):
  done = command(GAN, f'--workdir={tmp_path}', '--config.steps=2', devices=2)
  assert done.returncode == 0, done.stderr
  assert done.stdout.splitlines()[0] == f'device: 2 x cpu, jax {jax.__version__}'


@pytest.mark.parametrize(
  ('device', 'advice'),
  [('nvidia0', "an NVIDIA GPU.*'gan_jax[cuda13]'"), ('accel0', "a TPU.*'gan_jax[tpu]'")],
)
def test_hint_with_an_unused_accelerator_says_how_to_install(monkeypatch, tmp_path, device, advice):
  monkeypatch.setattr(accelerators, '_platforms', lambda: '')
  monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
  (tmp_path / 'dev').mkdir()
  assert accelerators.hint(tmp_path) == ''
  (tmp_path / 'dev' / device).touch()
  (tmp_path / 'dev' / 'nvidiactl').touch()
  name, install = advice.split('.*')
  assert name in accelerators.hint(tmp_path)
  assert install in accelerators.hint(tmp_path)
  monkeypatch.setattr(accelerators, '_platforms', lambda: 'cpu')
  assert accelerators.hint(tmp_path) == ''


def test_hint_with_hidden_gpus_is_silent(monkeypatch, tmp_path):
  monkeypatch.setattr(accelerators, '_platforms', lambda: '')
  monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
  (tmp_path / 'dev').mkdir()
  (tmp_path / 'dev/nvidia0').touch()
  assert accelerators.hint(tmp_path) == ''
