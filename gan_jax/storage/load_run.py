"""A trained run, as a library: its game, its variables, samples from it.

Only the folder of the run is read: no data, no experiment file. `source` alone reads the data.
"""

import os
import pathlib
from collections.abc import Iterator

import jax
import numpy as np
from flax import traverse_util

from gan_jax.common import console, pixels, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain
from gan_jax.config import build, run_config, schema
from gan_jax.data import source as sources
from gan_jax.game import Game, Variables
from gan_jax.runtime import jax_settings
from gan_jax.storage import checkpoints, workdir
from gan_jax.training.state import averaged

BEST = 'best'
"""Says the best checkpoint, where others are said by their step."""

DATA_HELP = (
  'Where the images of the run lie now, folder:PATH of a folder or a zip archive; by default where '
  'they lay in training. Other images than those of the run are reported.'
)
"""Describes the flag --data, see `with_data`."""

BATCH = 100
"""Samples made at once."""


def load(
  folder: str | os.PathLike, step: int | str | None = None, ema: bool | None = None
) -> tuple[Game, Variables, int]:
  """The game of a run and its variables.

  Args:
    folder: of the run.
    step: of which checkpoint; 'best' by the run's own score, None for the newest that is whole.
    ema: averaged weights or raw ones; None: averaged where there is an average.

  Returns:
    The game, its variables and the step.

  Raises:
    ConfigError: no such run, checkpoint or average.
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
    raise ConfigError(f'--ema: {folder} keeps no average of weights; use --noema')
  state = {name: variables.get('state', {}).get(name, {}) for name in variables['params']}
  raw = Variables(variables['params'], state)
  game = build.make_game(run_config.parse(config).game)
  chosen = raw if ema is False else averaged(raw, averages)
  _check_fits(game, chosen, folder)
  return game, chosen, step


def with_data(config: Plain, name: str | None) -> Plain:
  """Returns the config of a run with the place of its data that the flag --data gives.

  Args:
    config: of the run.
    name: the new `data.name`; None for the config as it is.

  Raises:
    ConfigError: the name is no place, or no place of the same kind of data.
  """
  if name is None:
    return config
  before = schema.data_name(config)
  kind = schema.place_kind(before)
  if not kind:
    raise ConfigError(f'--data={name}: the data of this run, {before}, has no place; leave out --data')
  if kind != schema.place_kind(name):
    raise ConfigError(f'--data={name}: the run is trained on {before}; write {kind}:PATH')
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
      f'{error}; if the images lie elsewhere now, say where: --data={kind}:PATH'
    ) from error.__cause__


def _check_fits(game: Game, variables: Variables, folder: pathlib.Path) -> None:
  """Raises ConfigError unless the networks of the config are those of the checkpoint."""
  keys = rng.sample_keys(0, 0, 2)
  try:
    jax.eval_shape(game.sample, variables, keys)
  # Each network has its own way to fail on parameters of other names and shapes.
  except Exception as error:
    text = ' '.join(str(error).split())
    raise ConfigError(
      f'workdir: the checkpoint does not fit {folder / workdir.CONFIG}; read it with the version of '
      f'gan_jax that wrote it: {text:.200}'
    ) from error


def parse_step(text: str | None) -> int | str | None:
  """What a flag --step asks for, as `load` takes it."""
  if text is None or text == BEST:
    return text
  if not text.isdecimal():
    raise ConfigError(f'--step is {text!r}; it must be the step of a checkpoint, or {BEST}')
  return int(text)


def _arrays(
  folder: pathlib.Path, config: Plain, step: int | str | None
) -> tuple[int, checkpoints.Arrays]:
  if not folder.is_dir():
    why = 'the run has saved none yet'
    if folder.name == workdir.BEST:
      why = 'the best is kept by a run that has both config.evaluate_every and config.evaluate.best'
    raise ConfigError(f'workdir: there are no checkpoints in {folder}; {why}')
  with checkpoints.opened(folder, config) as kept:
    steps = kept.steps()
    if not steps:
      raise ConfigError(f'workdir: {folder} is empty; the run has saved no checkpoint yet')
    if step is None:
      newest = kept.newest(console.warn)
      assert newest is not None
      return newest
    found = next((there for there in steps if there == step), None)
    if found is None:
      raise ConfigError(f'--step: there is none of {step}; there are: {", ".join(map(str, steps))}')
    return found, kept.read(found)


def draw(game: Game, variables: Variables, num: int, seed: int) -> Iterator[np.ndarray]:
  """Samples in batches, images as uint8; sample i depends on seed and i alone.

  It does not depend on the caller's settings of JAX either, but for `jax_random_seed_offset`.

  Args:
    game: of a run.
    variables: of its networks.
    num: how many in all.
    seed: from 0 to 2**32 - 1.

  Yields:
    uint8 [at most BATCH, height, width, channels], or points, float32 [at most BATCH, D].
  """
  sample = jax.jit(game.sample)
  for first in range(0, num, BATCH):
    with jax_settings.fixed():
      samples = np.asarray(sample(variables, rng.sample_keys(seed, first, BATCH)))[: num - first]
    yield pixels.to_bytes(samples) if samples.ndim > 2 else samples
