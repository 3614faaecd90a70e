"""Checkpoints: written in the background, with a digest of every array that is checked on reading.

A checkpoint is a flat dict of arrays, named by their path in the state, and the config of the run that
it is of. It holds nothing that runs.
"""

import contextlib
import json
import math
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from absl import logging

from gan_jax import digests
from gan_jax.config import Plain, changes
from gan_jax.errors import ConfigError

_DELETED = 'deleted'
"""Where one that is not kept is moved, and deleted: half deleted at its place, it would look broken."""

Arrays = dict[str, np.ndarray]
PyTree = Any


def to_arrays(state: PyTree) -> Arrays:
  """The leaves of a state by their paths, 'opt.generator.0.mu....'; keys as their numbers."""
  leaves = {_name(path): _numbers(leaf) for path, leaf in jax.tree.leaves_with_path(state)}
  # Copies: on CPU what device_get gives is the device's own memory, which the next step reuses.
  return {name: np.array(array) for name, array in jax.device_get(leaves).items()}


def _name(path: Any) -> str:
  return jax.tree_util.keystr(path, simple=True, separator='.')


def _is_key(leaf: Any) -> bool:
  return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _numbers(leaf: Any) -> Any:
  return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def from_arrays(arrays: Arrays, like: PyTree) -> PyTree:
  """The inverse of `to_arrays`, in the structure of `like`.

  Raises:
    ConfigError: other paths, shapes or types than those of `like`.
  """

  def pick(path, leaf):
    name = _name(path)
    wanted = jax.eval_shape(_numbers, leaf)
    found = arrays.get(name)
    if found is None or (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
      there = 'absent' if found is None else f'{found.dtype} {list(found.shape)}'
      raise ConfigError(
        f'the checkpoint does not fit the config: {name} is {there}, not {wanted.dtype} '
        f'{list(wanted.shape)}; go on with the version of gan_jax that wrote it, or choose another '
        '--workdir'
      )
    return jax.random.wrap_key_data(found) if _is_key(leaf) else jnp.asarray(found)

  return jax.tree.map_with_path(pick, like)


class Checkpoints:
  """The checkpoints of a run, in a folder of their own."""

  def __init__(self, folder: pathlib.Path, config: Plain, keep: int | None = None):
    """Opens the folder.

    Args:
      folder: which.
      config: of the run. Checkpoints of another one are refused.
      keep: so many of the newest are kept, and the folder is made if absent; None: it is only read.
    """
    self._folder, self._config = folder, config
    writes = keep is not None
    self._deletes = writes and jax.process_index() == 0
    self._sweep()
    handlers = {'state': ocp.PyTreeCheckpointHandler()}
    handlers |= {name: ocp.JsonCheckpointHandler() for name in ('config', 'digests')}
    with contextlib.nullcontext() if writes else _quiet():
      options = ocp.CheckpointManagerOptions(
        max_to_keep=keep,
        create=writes,
        read_only=not writes,
        cleanup_tmp_directories=writes,
        todelete_subdir=_DELETED if writes else None,
      )
      self._manager = ocp.CheckpointManager(folder.absolute(), options=options, item_handlers=handlers)

  def steps(self) -> list[int]:
    """The steps of which there is a checkpoint, newest last."""
    return sorted(self._manager.all_steps())

  def save(self, step: int, state: PyTree) -> None:
    """Begins to write a checkpoint; if an older one is still under way, first waits for its end.

    Args:
      step: steps done.
      state: arrays and keys; copied before the call returns.
    """
    arrays = to_arrays(state)
    what = ocp.args.Composite(
      state=ocp.args.PyTreeSave(arrays),
      config=ocp.args.JsonSave(self._config),
      digests=ocp.args.JsonSave(_marks(arrays, self._config)),
    )
    self.wait()
    self._manager.save(step, args=what, force=True)

  def read(self, step: int) -> Arrays:
    """The arrays of one checkpoint.

    Raises:
      ConfigError: it is broken, or of another run.
    """
    arrays, config = self._whole(step)
    self._check_own(step, config)
    return arrays

  def _whole(self, step: int) -> tuple[Arrays, Plain]:
    """A checkpoint that is what was written, of whatever config; ConfigError if it is broken."""
    # Damage shows itself in as many exceptions as Orbax has layers; all mean the same here.
    try:
      declared = self._manager.item_metadata(step)['state'].tree
      _check_size(declared)
      found = self._manager.restore(
        step,
        args=ocp.args.Composite(
          state=_as_numpy(declared), config=ocp.args.JsonRestore(), digests=ocp.args.JsonRestore()
        ),
      )
      arrays, config, marks = found['state'], dict(found['config']), dict(found['digests'])
    except Exception as error:
      text = f'{type(error).__name__}: {error}'.splitlines()[0]
      raise ConfigError(f'it cannot be read: {text:.200}') from error
    found = _marks(arrays, config)
    bad = [name for name in found.keys() | marks.keys() if found.get(name) != marks.get(name)]
    if bad:
      raise ConfigError(f'{min(bad)} is not what was written')
    return arrays, config

  def _check_own(self, step: int, config: Plain) -> None:
    changed = changes(config, self._config)
    if changed:
      raise ConfigError(
        f'checkpoint {self._folder / str(step)} is of another config ({"; ".join(changed)}); '
        'put back those of this run, or choose another --workdir'
      )

  def newest(self, warn: Callable[[str], None]) -> tuple[int, Arrays] | None:
    """The newest checkpoint that is whole, (step, arrays); None if there are none at all.

    Args:
      warn: told of each broken one that was passed over.

    Raises:
      ConfigError: all are broken, or it is of another run.
    """
    steps = self.steps()
    for step in reversed(steps):
      try:
        arrays, config = self._whole(step)
      except ConfigError as error:
        warn(f'checkpoint {self._folder / str(step)} is broken: {error}')
        continue
      self._check_own(step, config)
      return step, arrays
    if steps:
      raise ConfigError(f'every checkpoint in {self._folder} is broken; choose another --workdir')
    return None

  def set_aside(self, after: int) -> None:
    """Renames the checkpoints later than `after` to 'broken-<step>', so their steps can be saved."""
    for step in self.steps():
      if step > after:
        (self._folder / str(step)).rename(_free(self._folder / f'broken-{step}'))
    self.reload()

  def discard(self, after: int) -> None:
    """Deletes the checkpoints later than `after`."""
    for step in self.steps():
      if step > after:
        (self._folder / _DELETED).mkdir(exist_ok=True)
        (self._folder / str(step)).rename(_free(self._folder / _DELETED / str(step)))
    self._sweep()
    self.reload()

  def reload(self) -> None:
    """Looks into the folder anew."""
    self._manager.reload()

  def wait(self) -> None:
    """Returns when all that was begun is on disk."""
    self._manager.wait_until_finished()
    self._sweep()

  def close(self) -> None:
    """Waits, and lets go of the folder."""
    self._manager.close()
    self._sweep()

  def _sweep(self) -> None:
    """Deletes what was moved out of the way; nothing is being saved then."""
    if self._deletes:
      # What cannot be deleted does no harm where it lies, and is tried again.
      shutil.rmtree(self._folder / _DELETED, ignore_errors=True)


def _marks(arrays: Arrays, config: Plain) -> dict[str, str]:
  """Digests of what a checkpoint holds, by names."""
  config_too = {'config': digests.of_texts({'config': json.dumps(config, sort_keys=True)})}
  return {name: digests.of_array(array) for name, array in arrays.items()} | config_too


def _as_numpy(declared: PyTree) -> ocp.args.CheckpointArgs:
  return ocp.args.PyTreeRestore(
    restore_args=jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), declared)
  )


def _check_size(declared: PyTree) -> None:
  """Raises ConfigError for arrays that would fill the memory: a few bytes can say that of zeros."""
  sizes = (math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(declared))
  size, memory = sum(sizes), os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  if size > memory // 2:
    raise ConfigError(f'its arrays would take {size:,} bytes, of {memory:,} of this machine')


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Keeps Orbax from warning that a folder opened for reading is for reading."""
  before = logging.get_verbosity()
  logging.set_verbosity(min(before, logging.ERROR))
  try:
    yield
  finally:
    logging.set_verbosity(before)


def _free(path: pathlib.Path) -> pathlib.Path:
  number = 1
  free = path
  while free.exists():
    number += 1
    free = path.with_name(f'{path.name}-{number}')
  return free


@contextlib.contextmanager
def opened(folder: pathlib.Path, config: Plain, keep: int | None = None) -> Iterator[Checkpoints]:
  """`Checkpoints` that are closed at the end."""
  checkpoints = Checkpoints(folder, config, keep)
  try:
    yield checkpoints
  finally:
    checkpoints.close()
