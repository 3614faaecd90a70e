"""The files of one checkpoint: how Orbax writes and reads them, their digests, and their removal."""

import json
import math
import os
import pathlib
import shutil
from typing import TYPE_CHECKING, Any, cast

import jax
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.common import hashing
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain, PyTree

if TYPE_CHECKING:
  from etils import epath

Arrays = dict[str, np.ndarray]

_DELETED = 'deleted'
"""Folder to which a checkpoint is moved before it is deleted: a half-deleted one would look broken."""


def steps_in(path: pathlib.Path) -> list[int]:
  """Returns the steps of which a folder has a checkpoint, newest last."""
  return sorted(ocp.path.step.checkpoint_steps(path))


def manager(path: pathlib.Path) -> ocp.CheckpointManager:
  """Returns Orbax's writer of checkpoints, which deletes none of them."""
  handlers = {'state': ocp.PyTreeCheckpointHandler()}
  handlers |= {name: ocp.JsonCheckpointHandler() for name in ('config', 'digests')}
  options = ocp.CheckpointManagerOptions(
    max_to_keep=None, create=True, cleanup_tmp_directories=True, todelete_subdir=_DELETED
  )
  return ocp.CheckpointManager(path, options=options, item_handlers=handlers)


def content(arrays: Arrays, config: Plain) -> ocp.args.Composite:
  """Returns the arguments with which the `manager` saves a checkpoint and its digests."""
  return ocp.args.Composite(
    state=ocp.args.PyTreeSave(arrays),
    config=ocp.args.JsonSave(config),
    digests=ocp.args.JsonSave(_digests(arrays, config)),
  )


def read(path: pathlib.Path) -> tuple[Arrays, Plain]:
  """Returns the arrays and the config of a checkpoint whose digests are right.

  Raises:
    ConfigError: it is broken.
  """
  # Damage shows itself in as many exceptions as Orbax has layers; all mean the same here.
  try:
    arrays, config, expected = _restored(path)
  except Exception as error:
    text = f'{type(error).__name__}: {error}'.splitlines()[0]
    raise ConfigError(f'it cannot be read: {text:.200}') from error
  actual = _digests(arrays, config)
  bad = [name for name in actual.keys() | expected.keys() if actual.get(name) != expected.get(name)]
  if bad:
    raise ConfigError(f'{min(bad)} is not what was written')
  return arrays, config


def set_aside(folder: pathlib.Path, step: int) -> None:
  """Renames a checkpoint to 'broken-<step>', so that its step can be saved again."""
  (folder / str(step)).rename(_unused(folder / f'broken-{step}'))


def delete(folder: pathlib.Path, step: int) -> None:
  """Moves a checkpoint to where the next `sweep` deletes it."""
  (folder / _DELETED).mkdir(exist_ok=True)
  (folder / str(step)).rename(_unused(folder / _DELETED / str(step)))


def sweep(folder: pathlib.Path) -> None:
  """Deletes what `delete` has moved; the caller sees to it that nothing is being saved meanwhile."""
  # Files that cannot be deleted do no harm there, and the next sweep tries again.
  shutil.rmtree(folder / _DELETED, ignore_errors=True)


def _restored(path: pathlib.Path) -> tuple[Arrays, Plain, dict[str, str]]:
  """Arrays, config, and digests of one checkpoint."""
  state, texts = ocp.PyTreeCheckpointHandler(), ocp.JsonCheckpointHandler()
  # Orbax declares its own path type and takes any path.
  orbax_path = cast('epath.Path', path)
  declared = state.metadata(orbax_path / 'state').tree
  _check_size(declared)
  arrays = state.restore(orbax_path / 'state', args=_as_numpy(declared))
  config, digests = (
    dict(texts.restore(orbax_path / name, args=ocp.args.JsonRestore()))
    for name in ('config', 'digests')
  )
  return arrays, config, digests


def _digests(arrays: Arrays, config: Plain) -> dict[str, str]:
  """The digests of the arrays and of the config, by name."""
  of_config = {'config': hashing.of_texts({'config': json.dumps(config, sort_keys=True)})}
  return {name: hashing.of_array(array) for name, array in arrays.items()} | of_config


def _as_numpy(declared: PyTree) -> ocp.args.PyTreeRestore:
  return ocp.args.PyTreeRestore(
    restore_args=jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), declared)
  )


def _check_size(declared: Any) -> None:
  """Raises ConfigError for arrays that would fill the memory: a few bytes can declare that of zeros."""
  sizes = (math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(declared))
  size, memory = sum(sizes), os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  if size > memory // 2:
    raise ConfigError(f'its arrays would take {size:,} bytes, of {memory:,} of this machine')


def _unused(path: pathlib.Path) -> pathlib.Path:
  """The path, or one like it with a number that no file has."""
  number = 1
  unused = path
  while unused.exists():
    number += 1
    unused = path.with_name(f'{path.name}-{number}')
  return unused
