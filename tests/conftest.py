"""Eight devices of this process, and what tests share."""

import os

import xla_flags

os.environ['XLA_FLAGS'] = xla_flags.of(8, emitters=False)
os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'true'

import gc
import importlib.util
import json
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from gan_jax.common.types import Plain
from gan_jax.config import schema
from gan_jax.run import loop
from gan_jax.runtime import devices, environment

ROOT = pathlib.Path(__file__).parent.parent
EXPERIMENTS = sorted((ROOT / 'experiments').glob('*.py'))

# Random numbers are as they are in training, and sooner compiled where they are made by a loop.
with pytest.MonkeyPatch.context() as changed:
  changed.setenv(environment.SWITCH, '0')
  devices.prepare()
# As training does.
gc.set_threshold(environment.OBJECTS)


def experiment(path: pathlib.Path, preset: str = 'test', **changes) -> Plain:
  """The plain config of an experiment file."""
  spec = importlib.util.spec_from_file_location(path.stem, path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = module.get_config(preset)
  config.update_from_flattened_dict(changes)
  return schema.plain(config)


def first_step(path: pathlib.Path, preset: str = 'test', **changes) -> dict[str, float]:
  """The metrics of an experiment's first step."""
  config = experiment(path, preset, steps_per_call=1, **changes)
  built = loop.assemble_run(config)
  local = jax.devices()[:1]
  state = devices.replicate(loop.initial_state(config, built), local)
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  _, metrics = devices.Program(loop.make_call(config, built), local)(state, feed)
  return {name: float(f'{value[0]:.6g}') for name, value in metrics.items()}


def start(*arguments: str, verb: str = 'train', **settings) -> subprocess.Popen:
  """Starts a command of the package as a person would, in a process of its own, see `python`."""
  return python('-m', 'gan_jax', verb, *arguments, **settings)


def python(
  *arguments: str, devices: int = 1, emitters: bool = True, platforms: str = 'cpu', **settings
) -> subprocess.Popen:
  """Starts Python where the package is, see `xla_flags.of`."""
  return subprocess.Popen(
    [sys.executable, *arguments],
    cwd=ROOT,
    env=os.environ | {'XLA_FLAGS': xla_flags.of(devices, emitters), 'JAX_PLATFORMS': platforms},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    **settings,
  )


def finish(process: subprocess.Popen) -> subprocess.CompletedProcess:
  """Its exit code and what it printed."""
  try:
    out, err = process.communicate(timeout=200)
  finally:
    process.kill()
  return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def command(*arguments: str, **settings) -> subprocess.CompletedProcess:
  """Runs a command of the package to its end."""
  return finish(start(*arguments, **settings))


_FORKING = """
import importlib, json, os, sys, tempfile, traceback
from gan_jax import cli
command = importlib.import_module('gan_jax.commands.' + sys.argv[1])

def run(arguments):
  streams = [tempfile.TemporaryFile('w+') for _ in range(2)]
  child = os.fork()
  if not child:
    for number, stream in enumerate(streams, start=1):
      os.dup2(stream.fileno(), number)
    sys.argv, code = [command.__name__, *arguments], 1
    try:
      cli.run(command.main)
    except SystemExit as end:
      code = end.code or 0
    except BaseException:
      traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
  said = []
  for stream in streams:
    stream.seek(0)
    said.append(stream.read())
  return code, *said

print(json.dumps([run(arguments) for arguments in json.load(sys.stdin)]))
"""


def forks(
  commands: dict[str, list[str]], verb: str = 'train', devices: int = 1
) -> dict[str, subprocess.CompletedProcess]:
  """Runs commands of the package to their ends, each in a fork of one process that has imported it.

  For many that end soon: importing takes longer than they do.
  """
  process = python('-c', _FORKING, verb, devices=devices, stdin=subprocess.PIPE)
  out, err = process.communicate(json.dumps(list(commands.values())), timeout=400)
  assert process.returncode == 0, err
  ends = zip(commands.items(), json.loads(out), strict=True)
  return {name: subprocess.CompletedProcess(given, *end) for (name, given), end in ends}


SIDES = ('discriminator', 'generator')
"""Of a loss."""


def scores() -> tuple[jax.Array, jax.Array]:
  """Real and fake scores away from every kink, in the precision of the day."""
  return jnp.array([0.3, -1.7, 2.2]), jnp.array([0.8, -0.4, 1.6])


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
