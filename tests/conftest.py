"""Eight devices of this process, and what tests share."""

import os

from helpers import xla_flags

os.environ['XLA_FLAGS'] = xla_flags.of(8, emitters=False)
os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'true'

import gc
import pathlib

import jax
import pytest

from gan_jax.runtime import devices, environment
from helpers.commands import command

# Random numbers are as they are in training, and sooner compiled where they are made by a loop.
with pytest.MonkeyPatch.context() as changed:
  changed.setenv(environment.SWITCH, '0')
  devices.prepare()
# As training does.
gc.set_threshold(environment.OBJECTS)


@pytest.fixture(autouse=True)
def few_maps():
  """Drops compiled programs when there are many: each takes some of the 65,530 maps of a process."""
  yield
  maps = pathlib.Path('/proc/self/maps')
  if maps.exists() and maps.read_bytes().count(b'\n') > 20_000:
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope='session')
def finished_run(tmp_path_factory) -> pathlib.Path:
  """The folder of a run of experiments/dcgan.py:test, never interrupted."""
  folder = tmp_path_factory.mktemp('finished')
  done = command('--config=experiments/dcgan.py:test', f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  return folder
