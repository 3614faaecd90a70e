"""The environment of all tests, and fixtures that they share."""

import os

from helpers import xla_flags

# Compilation takes most of the time of the tests, and unoptimized programs compile several times
# faster. JAX_DISABLE_MOST_OPTIMIZATIONS sets XLA's backend optimization level to 0 and skips the
# expensive passes of LLVM. Without fusion emitters XLA generates simpler code for each fusion. Both
# settings hide what only optimized programs show: the rounding of fused and vectorized operations, and
# operations that XLA moves, duplicates or removes. `make test-optimized` tests optimized programs.
os.environ['XLA_FLAGS'] = xla_flags.of(8, emitters=xla_flags.OPTIMIZED)
os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'false' if xla_flags.OPTIMIZED else 'true'

import gc
import itertools
import pathlib

import jax
import jax.experimental
import pytest

from gan_jax.runtime import devices, environment
from helpers.commands import command
from helpers.parameter_ids import pytest_make_parametrize_id  # noqa: F401

# JAX 0.7 has this context manager in another module.
if not hasattr(jax, 'enable_x64'):
  jax.enable_x64 = jax.experimental.enable_x64

# Tests draw random numbers by JAX's own loop, which compiles faster and gives the same numbers.
with pytest.MonkeyPatch.context() as changed:
  changed.setenv(environment.SWITCH, '0')
  devices.prepare()
# Commands started by tests share compiled programs, also if their other caches are in another folder.
os.environ['JAX_COMPILATION_CACHE_DIR'] = jax.config.jax_compilation_cache_dir
# As in training: tracing allocates many long-lived objects.
gc.set_threshold(environment.OBJECTS)


_tests = itertools.count(1)


@pytest.fixture(autouse=True)
def few_maps():
  """Drops compiled programs if there are many: each uses some of a process's 65,530 memory maps."""
  yield
  maps = pathlib.Path('/proc/self/maps')
  # The kernel takes 45 ms to list 20,000 maps.
  if next(_tests) % 10 == 0 and maps.exists() and maps.read_bytes().count(b'\n') > 20_000:
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope='session')
def finished_run(tmp_path_factory) -> pathlib.Path:
  """Returns the folder of an uninterrupted run of experiments/dcgan.py:test."""
  folder = tmp_path_factory.mktemp('finished')
  done = command('--config=experiments/dcgan.py:test', f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  return folder
