"""The page of a run: its pictures are drawn again from a checkpoint."""

import pathlib

from gan_jax.common import console
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain
from gan_jax.config import schema
from gan_jax.data import source as sources
from gan_jax.evaluation import evaluator
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import jax_settings
from gan_jax.storage import load_run, workdir
from gan_jax.visualization import inspection, page


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


def write_report(
  folder: pathlib.Path,
  *,
  seed: int = 0,
  step: int | str | None = None,
  data: str | None = None,
  prefix: str = '',
) -> tuple[pathlib.Path, int]:
  """Writes the page of a run, and returns its path and the step that it shows.

  Args:
    folder: the folder of the run.
    seed: of the samples shown, from 0 to 2**32 - 1.
    step: the checkpoint, see `load_run.load`.
    data: see `load_run.with_data`. Without the data, the page says so.
    prefix: what precedes the keys in errors, '--' for flags.

  Raises:
    ConfigError: no such run or checkpoint, or a seed out of range.
  """
  evaluator.check_seed(seed, prefix)
  config = workdir.read_config(folder)
  workdir.prepare(folder)
  with jax_settings.fixed():
    game, variables, step = load_run.load(folder, step)
    config = load_run.with_data(config, data)
    source, reason = _source(folder, config)
    if reason:
      console.warn(f'the training images nearest to samples: {reason}')
    weights = 'averaged' if config['ema'] else 'raw'
    given = load_run.conditions_of_data(config, game, seed) if source else None
    subject = inspection.Subject(game, variables, step, weights, seed, given)
    inspection.save(folder, subject, source, _networks(config), reason)
    return page.write(folder), step
