"""Checkpoints: written in the background, with a digest of every array that is checked on reading.

A checkpoint is a flat dict of arrays, named by their path in the state, and the config of its run. It
holds no code.
"""

import contextlib
import pathlib
from collections.abc import Callable, Generator
from concurrent import futures
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.common import plain_path
from gan_jax.common.errors import ConfigError, WriteError
from gan_jax.common.types import Plain, PyTree
from gan_jax.config.schema import changes
from gan_jax.storage import checkpoint_files
from gan_jax.storage.checkpoint_files import Arrays

_READS = 50
"""Number of checkpoints that may disappear while a reader reads them, before it gives up."""


def to_arrays(state: PyTree) -> Arrays:
  """Returns the leaves of a state by their paths, 'opt.generator.0.mu....'; keys as their numbers."""
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
  """Returns the state of `to_arrays`, in the structure of `like`.

  Raises:
    ConfigError: other paths, shapes or types than those of `like`.
  """

  def pick(path, leaf):
    name = _name(path)
    wanted = jax.eval_shape(_numbers, leaf)
    array = arrays.get(name)
    if array is None or (array.shape, array.dtype) != (wanted.shape, wanted.dtype):
      stored = 'absent' if array is None else f'{array.dtype} {list(array.shape)}'
      raise ConfigError(
        f'the checkpoint does not fit the config: {name} is {stored}, not {wanted.dtype} '
        f'{list(wanted.shape)}; go on with the version of gan_jax that wrote it, or choose another '
        '--workdir'
      )
    numbers = jnp.asarray(array)
    return jax.random.wrap_key_data(numbers) if _is_key(leaf) else numbers

  return jax.tree.map_with_path(pick, like)


def _check_same(path: pathlib.Path, config: Plain, expected: Plain) -> None:
  """Raises ConfigError unless the config in a checkpoint is that of the run."""
  changed = changes(config, expected)
  if changed:
    raise ConfigError(
      f'checkpoint {path} is of another config ({"; ".join(changed)}); '
      'put back those of this run, or choose another --workdir'
    )


class CheckpointReader:
  """Reads the checkpoints of a run."""

  def __init__(self, folder: pathlib.Path, path: pathlib.Path, config: Plain):
    """Remembers where the checkpoints are, and whose.

    Args:
      folder: of the checkpoints, for messages.
      path: of the same folder, as Orbax can take it, see `plain_path`.
      config: identifies the run. Checkpoints of another run are refused.
    """
    self._folder = folder
    self._path = path
    self._config = config

  def path(self, step: int) -> pathlib.Path:
    """Returns the folder of the checkpoint of a step."""
    return self._folder / str(step)

  def steps(self) -> list[int]:
    """Returns the steps of which there is a checkpoint, newest last."""
    return checkpoint_files.steps_in(self._path)

  def read(self, step: int) -> Arrays:
    """Returns the arrays of one checkpoint.

    Raises:
      ConfigError: it is broken, of another run, or was deleted while it was read.
    """
    try:
      arrays, config = self._verified(step)
    except ConfigError as error:
      if self._exists(step):
        raise
      remaining = ', '.join(map(str, self.steps()))
      raise ConfigError(
        f'checkpoint {self.path(step)} was deleted while it was read (there are now: {remaining}); '
        'read the newest, or set keep_checkpoints to more'
      ) from error
    _check_same(self.path(step), config, self._config)
    return arrays

  def newest(self, warn: Callable[[str], None]) -> tuple[int, Arrays] | None:
    """Returns (step, arrays) of the newest checkpoint that is whole; None without any checkpoint.

    A run that is training may delete a checkpoint while it is read here. Then there is a newer one.

    Args:
      warn: called with a line about each broken checkpoint that is passed over.

    Raises:
      ConfigError: all are broken, it is of another run, or they disappear faster than they are read.
    """
    broken = set()
    for _ in range(_READS):
      steps = self.steps()
      if not steps:
        return None
      step = max((step for step in steps if step not in broken), default=None)
      if step is None:
        raise ConfigError(f'every checkpoint in {self._folder} is broken; choose another --workdir')
      try:
        arrays, config = self._verified(step)
      except ConfigError as error:
        if self._exists(step):
          warn(f'checkpoint {self.path(step)} is broken: {error}')
          broken.add(step)
        continue
      _check_same(self.path(step), config, self._config)
      return step, arrays
    raise ConfigError(
      f'the run in {self._folder.parent} deletes its checkpoints faster than they are read; set '
      'keep_checkpoints to more, or wait for its end'
    )

  def _verified(self, step: int) -> tuple[Arrays, Plain]:
    return checkpoint_files.read(self._path / str(step))

  def _exists(self, step: int) -> bool:
    return self.path(step).exists()


def _read_back(path: pathlib.Path, name: pathlib.Path) -> None:
  """Raises WriteError, with the name, if the checkpoint just written at `path` is broken."""
  try:
    checkpoint_files.read(path)
  except ConfigError as error:
    raise WriteError(
      f'checkpoint {name} was written, but {error}; older checkpoints are kept: check the disk, and '
      'the same command resumes from the newest intact one'
    ) from error


class Checkpoints(CheckpointReader):
  """Reads and writes the checkpoints of a run; `writable` opens them."""

  def __init__(
    self,
    folder: pathlib.Path,
    path: pathlib.Path,
    config: Plain,
    keep: int,
    manager: ocp.CheckpointManager,
  ):
    """Begins with nothing being saved; see `CheckpointReader` and `writable`."""
    super().__init__(folder, path, config)
    self._keep = keep
    self._manager = manager
    self._deletes = jax.process_index() == 0
    self._thread = futures.ThreadPoolExecutor(max_workers=1)
    self._saving: futures.Future | None = None

  def save(self, step: int, state: PyTree) -> None:
    """Begins to write a checkpoint; a thread reads it back, and only then deletes older ones.

    Args:
      step: steps done.
      state: arrays and keys; copied before the call returns.

    Raises:
      WriteError: the one before cannot be read back.
    """
    content = checkpoint_files.content(to_arrays(state), self._config)
    self.wait()
    self._manager.save(step, args=content, force=True)
    self._saving = self._thread.submit(self._finish, step)

  def _finish(self, step: int) -> None:
    """Waits for a checkpoint, reads it back, and deletes all but the newest ones."""
    self._manager.wait_until_finished()
    if self._deletes:
      _read_back(self._path / str(step), self.path(step))
      for old in self.steps()[: -self._keep]:
        checkpoint_files.delete(self._folder, old)

  def set_aside(self, after: int) -> None:
    """Renames the checkpoints later than `after` to 'broken-<step>', so their steps can be saved."""
    for step in self.steps():
      if step > after:
        checkpoint_files.set_aside(self._folder, step)
    self.reload()

  def discard(self, after: int) -> None:
    """Deletes the checkpoints later than `after`."""
    for step in self.steps():
      if step > after:
        checkpoint_files.delete(self._folder, step)
    self._sweep()
    self.reload()

  def reload(self) -> None:
    """Forgets which checkpoints there were, after another process has changed the folder."""
    self._manager.reload()

  def wait(self) -> None:
    """Returns when the last checkpoint is on disk and was read back; WriteError if it cannot be."""
    saving = self._saving
    self._saving = None
    if saving:
      saving.result()
    self._sweep()

  def close(self) -> None:
    """Waits, and ends the thread and the manager."""
    try:
      self.wait()
    finally:
      self._thread.shutdown()
      self._manager.close()

  def _sweep(self) -> None:
    if self._deletes:
      checkpoint_files.sweep(self._folder)


@contextlib.contextmanager
def opened(folder: pathlib.Path, config: Plain) -> Generator[CheckpointReader]:
  """Opens the checkpoints in a folder to read them; `config` identifies their run."""
  with plain_path.of(folder.absolute()) as path:
    yield CheckpointReader(folder, path, config)


@contextlib.contextmanager
def writable(folder: pathlib.Path, config: Plain, keep: int) -> Generator[Checkpoints]:
  """Opens the checkpoints in a folder to read and write them, and waits for the last one on leaving.

  Args:
    folder: of the checkpoints; created if absent.
    config: identifies the run.
    keep: how many of the newest checkpoints are kept.
  """
  folder.mkdir(parents=True, exist_ok=True)
  with plain_path.of(folder.absolute()) as path:
    if jax.process_index() == 0:
      checkpoint_files.sweep(folder)
    checkpoints = Checkpoints(folder, path, config, keep, checkpoint_files.manager(path))
    try:
      yield checkpoints
    finally:
      checkpoints.close()
