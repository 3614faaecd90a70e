"""Loads a trained run: its game, its variables, and samples from it.

Only the folder of the run is read, neither the data nor the experiment file. `source` alone reads the
data.
"""

import functools
import os
import pathlib
from collections.abc import Iterator

import jax
import numpy as np
from flax import traverse_util

from gan_jax import modalities
from gan_jax.common import console, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain
from gan_jax.config import build, run_config, schema
from gan_jax.config.build import Conditions
from gan_jax.data import source as sources
from gan_jax.game import Game, Variables, condition_like, needs_condition, sample, sample_shape
from gan_jax.runtime import jax_settings
from gan_jax.storage import batch_file, checkpoints, workdir
from gan_jax.storage.batch_file import Batch
from gan_jax.training.state import averaged

BEST = 'best'
"""The name of the best checkpoint; other checkpoints are named by their step."""

DATA_HELP = (
  'Current location of the images, folder:PATH of a folder or a zip archive (default: the location at '
  'training). A warning reports images that differ from those of the run.'
)
"""The help of the flag --data, see `with_data`."""

BATCH = 100
"""Number of samples that are generated in one call."""


def load(
  folder: str | os.PathLike, step: int | str | None = None, ema: bool | None = None
) -> tuple[Game, Variables, int]:
  """Loads the game of a run and its variables.

  Args:
    folder: the folder of the run.
    step: the step of the checkpoint, 'best' for the best one, or None for the newest intact one.
    ema: True for averaged weights, False for raw weights, None for averaged weights if available.

  Returns:
    The game, its variables, and the step.

  Raises:
    ConfigError: the run, the checkpoint, or the average does not exist.
  """
  folder = pathlib.Path(folder)
  config = workdir.read_config(folder)
  schema.check(config, devices=1)
  if step == BEST:
    step, arrays = _arrays(folder / workdir.BEST, config, None)
  else:
    step, arrays = _arrays(folder / workdir.CHECKPOINTS, config, step)
  tree = traverse_util.unflatten_dict(arrays, sep='.')
  variables = tree['variables']
  averages = tree.get('ema', {})
  if ema and not averages:
    raise ConfigError(f'--ema: the run in {folder} has no averaged weights; use --noema')
  state = {name: variables.get('state', {}).get(name, {}) for name in variables['params']}
  raw = Variables(variables['params'], state)
  with workdir.naming_extensions(folder):
    game = build.make_game(run_config.parse(config).game)
  chosen = raw if ema is False else averaged(raw, averages)
  batch = batch_file.read(folder) if needs_condition(game) else {}
  check_fits(game, chosen, batch, f'workdir={folder}')
  return game, chosen, step


def with_data(config: Plain, name: str | None) -> Plain:
  """Returns the config of a run with the location of its data from the flag --data.

  Args:
    config: the config of the run.
    name: the new `data.name`; None for the config as it is.

  Raises:
    ConfigError: the name is not a location, or a location of another kind of data.
  """
  if name is None:
    return config
  before = schema.data_name(config)
  kind = schema.place_kind(before)
  if not kind:
    raise ConfigError(f'--data={name}: the data of this run, {before}, cannot move; leave out --data')
  if kind != schema.place_kind(name):
    raise ConfigError(f'--data={name}: not the kind of data of this run ({before}); write {kind}:PATH')
  return schema.with_data_at(config, name)


def source(config: Plain) -> sources.Source:
  """Returns the data of a run.

  Raises:
    ConfigError: the data cannot be read. If it may have moved, the message names the flag --data.
  """
  kind = schema.place_kind(schema.data_name(config))
  try:
    return build.make_source(run_config.parse(config).data)
  except ConfigError as error:
    if not kind:
      raise
    raise ConfigError(
      f'{error}; if the images have moved, give their location with --data={kind}:PATH'
    ) from error.__cause__


def conditions_of_data(config: Plain, game: Game, seed: int) -> Conditions | None:
  """Returns the conditions of samples that nobody gives: those of the run's data, shuffled.

  It returns None if the samples need none, see `game.needs_condition`.

  Raises:
    ConfigError: they need conditions, and the data cannot be read.
  """
  if not needs_condition(game):
    return None
  try:
    return build.make_conditions(run_config.parse(config).data, game, seed)
  except ConfigError as error:
    raise ConfigError(
      f'{error}; samples of this game need the conditions of its data'
    ) from error.__cause__


def check_fits(game: Game, variables: Variables, batch: Batch, place: str) -> None:
  """Raises ConfigError unless variables fit the networks of a game.

  Args:
    game: made from a config.
    variables: of its networks, stored with that config.
    batch: the fields of a batch, see `batch_file`; {} if samples need no conditions.
    place: where all are, for the error, e.g. 'workdir=runs/dcgan'.
  """
  try:
    sample_shape(game, variables, condition_like(game, batch))
  # Networks raise errors of different types for parameters with other names and shapes.
  except Exception as error:
    text = ' '.join(str(error).split())
    raise ConfigError(
      f'{place}: the checkpoint does not fit its config ({text:.200}); load it with the version of '
      'gan_jax that wrote it'
    ) from error


def parse_step(text: str | None) -> int | str | None:
  """Converts the flag --step to the argument `step` of `load`."""
  if text is None or text == BEST:
    return text
  if not text.isdecimal():
    raise ConfigError(f'--step={text}: not a checkpoint (a step, or {BEST}); change --step')
  return int(text)


def _arrays(
  folder: pathlib.Path, config: Plain, step: int | str | None
) -> tuple[int, checkpoints.Arrays]:
  if not folder.is_dir():
    advice = 'train it first'
    if folder.name == workdir.BEST:
      advice = 'a run keeps its best checkpoint if evaluate_every and evaluate.best are set'
    raise ConfigError(f'workdir={folder.parent}: the run has no checkpoint in {folder}; {advice}')
  with checkpoints.opened(folder, config) as store:
    steps = store.steps()
    if not steps:
      raise ConfigError(f'workdir={folder.parent}: {folder} has no checkpoint; train the run first')
    if step is None:
      newest = store.newest(console.warn)
      assert newest is not None
      return newest
    saved_step = next((saved for saved in steps if saved == step), None)
    if saved_step is None:
      has_best = (folder.parent / workdir.BEST).is_dir()
      known = ', '.join([*map(str, steps), *([BEST] if has_best else [])])
      raise ConfigError(f'step={step}: no such checkpoint ({known}); change the step')
    return saved_step, store.read(saved_step)


def draw(
  game: Game,
  variables: Variables,
  num: int,
  seed: int,
  given: Conditions | None = None,
  truncation: float | None = None,
) -> Iterator[np.ndarray]:
  """Generates samples in batches; sample i depends only on the seed, i, and its condition.

  Your settings of JAX do not change it, except `jax_random_seed_offset`.

  Args:
    game: the game of a run.
    variables: the variables of its networks.
    num: the total number of samples.
    seed: from 0 to 2**32 - 1.
    given: the conditions of the samples; None for labels that the game draws, and for a game without
      conditions.
    truncation: of the latents, see `game.check_truncation`.

  Yields:
    Images, uint8 [at most BATCH, height, width, channels], or points, float32 [at most BATCH, D].

  Raises:
    ConfigError: the samples are of an unknown kind, see `modalities.of_shape`.
  """
  generate = jax.jit(functools.partial(sample, game, truncation=truncation))
  for first in range(0, num, BATCH):
    # The last batch is filled up, so that the program is compiled for one size.
    with jax_settings.fixed():
      condition = given(first, BATCH) if given else None
      keys = rng.sample_keys(seed, first, BATCH)
      samples = np.asarray(generate(variables, keys, condition))[: num - first]
    yield modalities.of_shape(samples.shape).storage.from_outputs(samples)
