"""Draws the page of a run: python -m gan_jax.report --workdir=runs/dcgan writes its report.html.

What needs the run's networks is drawn anew, from a checkpoint. For the training images nearest to
samples it needs the run's data too; where that cannot be had, the page says so.
"""

import pathlib

from absl import flags

from gan_jax import (
  accelerators,
  cli,
  data,
  evaluation,
  homes,
  page,
  parallel,
  showing,
  trained,
  workdir,
)
from gan_jax import config as configs
from gan_jax.config import Plain
from gan_jax.errors import ConfigError
from gan_jax.metrics.features import FeatureNetwork

_WORKDIR = flags.DEFINE_string('workdir', None, 'The folder of the run.', required=True)
_DATA = flags.DEFINE_string('data', None, trained.DATA_HELP)
_STEP = flags.DEFINE_string('step', None, 'Of which checkpoint, a step or best; else the newest.')
_SEED = flags.DEFINE_integer('seed', 0, 'Of the samples that are shown with others.')


def _source(folder: pathlib.Path, config: Plain) -> tuple[data.Source | None, str]:
  """The data of a run, or why there is none."""
  try:
    source = trained.source(config)
  except ConfigError as error:
    return None, f'Left out, for the data cannot be had: {error}'
  if not workdir.has_data(folder, data.digest(source)):
    name = configs.data_name(config)
    return None, f'Left out, for the images of {name} are not those with which the run began.'
  return source, ''


def _networks(config: Plain) -> list[FeatureNetwork]:
  """The feature network that the run is scored by, if it names one that can be had."""
  name = config['evaluate']['features']
  if not name:
    return []
  try:
    return [evaluation.network(name, 'evaluate.')]
  except ConfigError as error:
    cli.warn(f'the nearest training images are found by pixels alone: {error}')
    return []


def main() -> int:
  """Runs the command; the exit code."""
  parallel.prepare()
  accelerators.check()
  folder, seed = homes.expanded(_WORKDIR.value, '--workdir'), _SEED.value
  if not 0 <= seed < 2**32:
    raise ConfigError('--seed must be from 0 to 2**32 - 1')
  config = workdir.read_config(folder)
  workdir.prepare(folder)
  game, variables, step = trained.load(folder, trained.parse_step(_STEP.value))
  source, without = _source(folder, trained.with_data(config, _DATA.value))
  if without:
    cli.warn(f'the training images nearest to samples: {without}')
  weights = 'averaged' if config['ema'] else 'raw'
  subject = showing.Subject(game, variables, step, weights, seed)
  showing.save(folder, subject, source, _networks(config), without)
  print(f'{page.write(folder)}: step {step}, seed {seed}')
  return 0


if __name__ == '__main__':
  cli.run(main)
