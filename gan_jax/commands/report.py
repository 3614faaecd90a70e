"""Writes the page of a run: python -m gan_jax.report --workdir=runs/dcgan writes its report.html.

Figures that need the run's networks are computed again from a checkpoint. The training images nearest
to samples also need the run's data. If the data is not available, the page says so.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from gan_jax import cli
from gan_jax.common import console, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain
from gan_jax.config import schema
from gan_jax.data import source as sources
from gan_jax.evaluation import evaluator
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run, workdir
from gan_jax.visualization import inspection, page


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  flags.DEFINE_string('data', None, load_run.DATA_HELP, flag_values=values)
  flags.DEFINE_integer('seed', 0, 'Seed of the samples shown.', flag_values=values)
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['workdir'])
  return values


def _source(folder: pathlib.Path, config: Plain) -> tuple[sources.Source | None, str]:
  """Returns the data of a run and '', or None and the reason why it is not available."""
  try:
    source = load_run.source(config)
  except ConfigError as error:
    return None, f'Left out, because the data is not available: {error}'
  if not workdir.has_data(folder, sources.digest(source)):
    name = schema.data_name(config)
    return None, f'Left out, because the images of {name} differ from those that the run started with.'
  return source, ''


def _networks(config: Plain) -> list[FeatureNetwork]:
  """Returns the feature network of the run's evaluation in a list, or [] if it is not available."""
  name = config['evaluate']['features']
  if not name:
    return []
  try:
    return [evaluator.network(name, 'evaluate.')]
  except ConfigError as error:
    console.warn(f'the nearest training images are determined only by pixels: {error}')
    return []


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  folder, seed = user_paths.expanded(flag.workdir, '--workdir'), flag.seed
  if not 0 <= seed < 2**32:
    raise ConfigError(f'--seed={seed}: out of range (0 to 2**32 - 1); change --seed')
  config = workdir.read_config(folder)
  workdir.prepare(folder)
  game, variables, step = load_run.load(folder, load_run.parse_step(flag.step))
  source, reason = _source(folder, load_run.with_data(config, flag.data))
  if reason:
    console.warn(f'the training images nearest to samples: {reason}')
  weights = 'averaged' if config['ema'] else 'raw'
  subject = inspection.Subject(game, variables, step, weights, seed)
  inspection.save(folder, subject, source, _networks(config), reason)
  print(f'{page.write(folder)}: step {step}, seed {seed}')
  return 0
