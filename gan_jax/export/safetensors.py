"""Weights as a safetensors file, which holds arrays by name and executes nothing when it is read.

Names are 'params/<network>/<layer>/<parameter>' and 'state/<network>/<collection>/...'. The metadata
are 'config' (as JSON), 'step', 'weights' ('averaged' or 'raw'), and 'gan_jax' (the version that wrote
the file). A game conditioned on images has 'batch' too, the shapes of the fields of its data (as JSON).
"""

import importlib.metadata
import json
import os
import pathlib

import jax
import numpy as np
from flax import traverse_util

from gan_jax.common import files, optional
from gan_jax.common.errors import ConfigError
from gan_jax.config import build, run_config, schema
from gan_jax.export.model import Model
from gan_jax.game import Game, Variables
from gan_jax.storage import batch_file, load_run

_BATCH = 'batch'
"""The key of the metadata with the fields of a batch, in a model whose samples need conditions."""


def check(path: pathlib.Path) -> None:
  """Raises ConfigError if the package safetensors is missing; any `path` will do."""
  optional.imported('safetensors.numpy', f'--out={path}')


def write(path: pathlib.Path, model: Model) -> list[pathlib.Path]:
  """Writes the weights of a model, and returns the path in a list."""
  numpy = optional.imported('safetensors.numpy', f'--out={path}')
  tree = {'params': dict(model.variables.params), 'state': dict(model.variables.state)}
  arrays = traverse_util.flatten_dict(jax.tree.map(np.asarray, tree), sep='/')
  metadata = {
    'config': json.dumps(model.config),
    'step': str(model.step),
    'weights': model.weights,
    'gan_jax': importlib.metadata.version('gan_jax'),
    **({_BATCH: json.dumps(batch_file.to_plain(model.batch))} if model.batch else {}),
  }
  files.write_atomic(path, numpy.save(arrays, metadata))
  return [path]


def load(path: str | os.PathLike) -> tuple[Game, Variables, int]:
  """Loads an exported model, without its run.

  Args:
    path: FILE.safetensors.

  Returns:
    The game, the variables of the networks that its samples need, and the step. The other networks have
    no variables, so `game.critic` does not work.

  Raises:
    ConfigError: the file is missing, is not such an export, or the package safetensors is missing.
  """
  package = optional.imported('safetensors', f'path={path}')
  try:
    with package.safe_open(path, framework='numpy') as file:
      metadata = file.metadata() or {}
      arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
    config, step = json.loads(metadata['config']), int(metadata['step'])
    batch = batch_file.from_plain(json.loads(metadata.get(_BATCH, '{}')))
  except (OSError, *batch_file.CORRUPT, package.SafetensorError) as error:
    raise ConfigError(
      f'path={path}: not weights that gan_jax exported ({error}); choose another file'
    ) from error
  schema.check(config, devices=1)
  tree = traverse_util.unflatten_dict(arrays, sep='/')
  state = {name: tree.get('state', {}).get(name, {}) for name in tree['params']}
  variables = Variables(tree['params'], state)
  game = build.make_game(run_config.parse(config).game)
  load_run.check_fits(game, variables, batch, f'path={path}')
  return game, variables, step
