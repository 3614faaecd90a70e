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
from collections.abc import Callable, Generator
from concurrent import futures
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.common import hashing, plain_path
from gan_jax.common.errors import ConfigError, WriteError
from gan_jax.common.types import Plain
from gan_jax.config.schema import changes

if TYPE_CHECKING:
  from etils import epath

_DELETED = 'deleted'
"""Where one that is not kept is moved, and deleted: half deleted at its place, it would look broken."""

_READS = 50
"""How many checkpoints a reader may see disappear under its hands before it gives up."""

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
    numbers = jnp.asarray(found)
    return jax.random.wrap_key_data(numbers) if _is_key(leaf) else numbers

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
    self._folder, self._config, self._keep = folder, config, keep
    self._deletes = keep is not None and jax.process_index() == 0
    if keep is not None:
      folder.mkdir(parents=True, exist_ok=True)
    self._held = contextlib.ExitStack()
    self._path = self._held.enter_context(plain_path.of(folder.absolute()))
    self._sweep()
    self._manager = None if keep is None else _manager(self._path)
    self._thread = futures.ThreadPoolExecutor(max_workers=1)
    self._saving: futures.Future | None = None

  def steps(self) -> list[int]:
    """The steps of which there is a checkpoint, newest last."""
    return sorted(ocp.path.step.checkpoint_steps(self._path))

  def _writer(self) -> ocp.CheckpointManager:
    assert self._manager is not None, 'these checkpoints are only read'
    return self._manager

  def save(self, step: int, state: PyTree) -> None:
    """Begins to write a checkpoint; if an older one is still under way, first waits for its end.

    A thread reads it back when it is written. Only then are older ones deleted.

    Args:
      step: steps done.
      state: arrays and keys; copied before the call returns.

    Raises:
      WriteError: the one before cannot be read back.
    """
    arrays = to_arrays(state)
    what = ocp.args.Composite(
      state=ocp.args.PyTreeSave(arrays),
      config=ocp.args.JsonSave(self._config),
      digests=ocp.args.JsonSave(_marks(arrays, self._config)),
    )
    self.wait()
    self._writer().save(step, args=what, force=True)
    self._saving = self._thread.submit(self._finish, step)

  def _finish(self, step: int) -> None:
    """Waits for a checkpoint, reads it back, and deletes those that are older than is kept."""
    self._writer().wait_until_finished()
    if self._keep is None or not self._deletes:
      return
    try:
      self._whole(step)
    except ConfigError as error:
      raise WriteError(
        f'checkpoint {self._folder / str(step)} was written, but {error}; older checkpoints are kept: '
        'check the disk, and the same command goes on from the newest that is whole'
      ) from error
    for old in self.steps()[: -self._keep]:
      self._delete(old)

  def read(self, step: int) -> Arrays:
    """The arrays of one checkpoint.

    Raises:
      ConfigError: it is broken, of another run, or was deleted while it was read.
    """
    try:
      arrays, config = self._whole(step)
    except ConfigError as error:
      if self._is_there(step):
        raise
      left = ', '.join(map(str, self.steps()))
      raise ConfigError(
        f'checkpoint {self._folder / str(step)} was deleted while it was read (there are now: {left}); '
        'read the newest, or set keep_checkpoints to more'
      ) from error
    self._check_own(step, config)
    return arrays

  def _whole(self, step: int) -> tuple[Arrays, Plain]:
    """A checkpoint that is what was written, of whatever config; ConfigError if it is broken."""
    # Damage shows itself in as many exceptions as Orbax has layers; all mean the same here.
    try:
      arrays, config, marks = _restored(self._path / str(step))
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

    A run that is training may delete a checkpoint while it is read here. Then there is a newer one.

    Args:
      warn: told of each broken one that was passed over.

    Raises:
      ConfigError: all are broken, it is of another run, or they disappear faster than they are read.
    """
    broken = set()
    for _ in range(_READS):
      steps = self.steps()
      left = [step for step in steps if step not in broken]
      if not steps:
        return None
      if not left:
        raise ConfigError(f'every checkpoint in {self._folder} is broken; choose another --workdir')
      step = left[-1]
      try:
        arrays, config = self._whole(step)
      except ConfigError as error:
        if self._is_there(step):
          warn(f'checkpoint {self._folder / str(step)} is broken: {error}')
          broken.add(step)
        continue
      self._check_own(step, config)
      return step, arrays
    raise ConfigError(
      f'the run in {self._folder.parent} deletes its checkpoints faster than they are read; set '
      'keep_checkpoints to more, or wait for its end'
    )

  def _is_there(self, step: int) -> bool:
    return (self._folder / str(step)).exists()

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
        self._delete(step)
    self._sweep()
    self.reload()

  def _delete(self, step: int) -> None:
    """Moves a checkpoint to where it is deleted by the next `_sweep`."""
    (self._folder / _DELETED).mkdir(exist_ok=True)
    (self._folder / str(step)).rename(_free(self._folder / _DELETED / str(step)))

  def reload(self) -> None:
    """Forgets which checkpoints there were, after another process has changed the folder."""
    self._writer().reload()

  def wait(self) -> None:
    """Returns when all that was begun is on disk, and was read back.

    Raises:
      WriteError: what was written cannot be read.
    """
    saving, self._saving = self._saving, None
    if saving:
      saving.result()
    self._sweep()

  def close(self) -> None:
    """Waits, and lets go of the folder."""
    with self._held:
      try:
        self.wait()
      finally:
        self._thread.shutdown()
        if self._manager:
          self._manager.close()

  def _sweep(self) -> None:
    """Deletes what was moved out of the way; nothing is being saved then."""
    if self._deletes:
      # What cannot be deleted does no harm where it lies, and is tried again.
      shutil.rmtree(self._folder / _DELETED, ignore_errors=True)


def _manager(path: pathlib.Path) -> ocp.CheckpointManager:
  """Orbax's writer of checkpoints, which deletes none of them."""
  handlers = {'state': ocp.PyTreeCheckpointHandler()}
  handlers |= {name: ocp.JsonCheckpointHandler() for name in ('config', 'digests')}
  options = ocp.CheckpointManagerOptions(
    max_to_keep=None, create=True, cleanup_tmp_directories=True, todelete_subdir=_DELETED
  )
  return ocp.CheckpointManager(path, options=options, item_handlers=handlers)


def _restored(path: pathlib.Path) -> tuple[Arrays, Plain, dict[str, str]]:
  """Arrays, config and digests of one checkpoint."""
  state, texts = ocp.PyTreeCheckpointHandler(), ocp.JsonCheckpointHandler()
  # Orbax declares its own path type and takes any path.
  place = cast('epath.Path', path)
  declared = state.metadata(place / 'state').tree
  _check_size(declared)
  arrays = state.restore(place / 'state', args=_as_numpy(declared))
  config, marks = (
    dict(texts.restore(place / name, args=ocp.args.JsonRestore())) for name in ('config', 'digests')
  )
  return arrays, config, marks


def _marks(arrays: Arrays, config: Plain) -> dict[str, str]:
  """Digests of what a checkpoint holds, by names."""
  config_too = {'config': hashing.of_texts({'config': json.dumps(config, sort_keys=True)})}
  return {name: hashing.of_array(array) for name, array in arrays.items()} | config_too


def _as_numpy(declared: PyTree) -> ocp.args.PyTreeRestore:
  return ocp.args.PyTreeRestore(
    restore_args=jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), declared)
  )


def _check_size(declared: PyTree) -> None:
  """Raises ConfigError for arrays that would fill the memory: a few bytes can say that of zeros."""
  sizes = (math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(declared))
  size, memory = sum(sizes), os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  if size > memory // 2:
    raise ConfigError(f'its arrays would take {size:,} bytes, of {memory:,} of this machine')


def _free(path: pathlib.Path) -> pathlib.Path:
  number = 1
  free = path
  while free.exists():
    number += 1
    free = path.with_name(f'{path.name}-{number}')
  return free


@contextlib.contextmanager
def opened(folder: pathlib.Path, config: Plain, keep: int | None = None) -> Generator[Checkpoints]:
  """`Checkpoints` that are closed at the end."""
  checkpoints = Checkpoints(folder, config, keep)
  try:
    yield checkpoints
  finally:
    checkpoints.close()
