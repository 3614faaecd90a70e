"""Experiment files, their configs, and the metrics of their first steps."""

import importlib.util
import pathlib

import jax

from gan_jax.common.types import Plain
from gan_jax.config import schema
from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import devices

ROOT = pathlib.Path(__file__).parents[2]
EXPERIMENTS = sorted((ROOT / 'experiments').glob('*.py'))


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
  built = setup.assemble_run(parse(config))
  local = jax.devices()[:1]
  state = devices.replicate(setup.initial_state(built), local)
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  _, metrics = devices.Program(setup.make_call(built), local)(state, feed)
  return {name: float(f'{value[0]:.6g}') for name, value in metrics.items()}
