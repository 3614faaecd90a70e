"""Devices: the only module that places arrays and programs on them.

The module `accelerators` describes devices for users, and `processes` coordinates processes. Every
device holds one replica of the state. The batch is divided among all devices of all processes.
"""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.common import cache, console, user_paths
from gan_jax.common.types import PyTree
from gan_jax.runtime import environment, jax_settings, threefry

AXIS = 'devices'
"""The name of the axis of all devices, for collectives inside a step."""

_PROGRAM_CACHE = 'JAX_COMPILATION_CACHE_DIR'


def prepare() -> None:
  """Configures JAX for this process; commands call it before they create anything.

  JAX settings that would change the samples of a seed are overridden, with a warning for each, see
  `jax_settings`. Compiled programs are cached in the user's cache folder, so that the next start is
  fast; JAX_COMPILATION_CACHE_DIR names another folder. On CPU a faster implementation computes the same
  random numbers.

  Raises:
    ConfigError: a JAX setting prevents compilation.
  """
  jax_settings.fix(console.warn)
  if environment.is_tuned():
    threefry.write_out()
  jax.config.update('jax_compilation_cache_dir', _program_cache())
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)


def _program_cache() -> str:
  """Returns the folder of compiled programs; '' for no cache."""
  path = os.environ.get(_PROGRAM_CACHE)
  if path is None:
    return str(cache.folder() / 'xla')
  return path and str(user_paths.expanded(path, _PROGRAM_CACHE))


def device_count() -> int:
  """Returns the number of devices of all processes."""
  return jax.device_count()


def mean(tree: PyTree) -> PyTree:
  """Returns the tree with the mean over devices of every floating-point leaf; for use in a step."""
  if jax.lax.axis_size(AXIS) == 1:
    # To sum over one device, XLA would copy all gradients. The barrier replaces the sum; without it
    # XLA computes gradients again for each of their uses.
    return jax.lax.optimization_barrier(tree)

  def one(x: jax.Array) -> jax.Array:
    return jax.lax.pmean(x, AXIS) if jnp.issubdtype(x.dtype, jnp.floating) else x

  return jax.tree.map(one, tree)


def gather(x: jax.Array) -> jax.Array:
  """Concatenates the arrays [b, ...] of all devices to [B, ...], in device order; for use in a step."""
  # With one device, XLA:CPU would let the device wait for itself.
  return jax.lax.all_gather(x, AXIS, tiled=True) if jax.lax.axis_size(AXIS) > 1 else x


class Collectives(NamedTuple):
  """Collective operations inside a step: `mean` of a tree, `gather` of the shards of a batch."""

  mean: Callable[[PyTree], PyTree]
  gather: Callable[[jax.Array], jax.Array]


GLOBAL_BATCH = Collectives(mean, gather)
PER_DEVICE = Collectives(mean, lambda x: x)
"""The collectives of a step in which each device uses only its shard of the batch."""


class Program:
  """A compiled step for all devices: (state, feed) -> (state, metrics). It donates the given state."""

  def __init__(
    self,
    step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
    devices: Sequence[jax.Device] | None = None,
    options: Mapping[str, Mapping[str, Any]] = {},
  ):
    """Prepares the program; it is compiled at the first call or earlier, see `start_compiling`.

    Args:
      step: the function of one device; its results must be equal on all devices (see `mean`).
      devices: devices of this process; None for all.
      options: options of the compiler, see `compiler_options`.
    """
    self._mapped = _mapped(step, devices)
    self._call: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]] | None = None
    self._compiling: futures.Future[jax.stages.Compiled] | None = None
    # Options require compilation ahead of the first call, which does not accept the arrays of a run of
    # several processes.
    self._is_alone = jax.process_count() == 1
    self._options = compiler_options(options) if self._is_alone else {}

  def compiled(self, state: PyTree, feed: PyTree) -> jax.stages.Compiled:
    """Returns the program compiled for the shapes of a state and a feed."""
    return self._mapped.lower(state, feed).compile(self._options)

  def start_compiling(self, state: PyTree, feed: PyTree) -> None:
    """Starts to compile in a thread, for a state and a feed with these `shape_structs`.

    Errors are raised at the first call. In a run of several processes, compilation starts only then.
    """
    if not self._is_alone:
      return
    thread = futures.ThreadPoolExecutor(max_workers=1)
    self._compiling = thread.submit(self._compiled_in_thread, state, feed)
    thread.shutdown(wait=False)

  def _compiled_in_thread(self, state: PyTree, feed: PyTree) -> jax.stages.Compiled:
    with jax_settings.fixed():
      return self.compiled(state, feed)

  def __call__(self, state: PyTree, feed: PyTree) -> tuple[PyTree, PyTree]:
    """Runs the step."""
    self._call = self._call or self._first(state, feed)
    return self._call(state, feed)

  def _first(self, state: PyTree, feed: PyTree) -> Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]:
    compiled = self._compiling and self._compiling.result()
    if not self._options:
      # JAX has cached the program that the thread compiled.
      return self._mapped
    return compiled or self.compiled(state, feed)


def compiled_for(
  step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
  devices: Sequence[jax.Device],
  state: PyTree,
  feed: PyTree,
) -> jax.stages.Compiled:
  """Compiles a step for devices that need not be present, see `jax.experimental.topologies`.

  Args:
    step: the function of one device, see `Program`.
    devices: all devices.
    state: the shapes of the state.
    feed: the shapes of the feed, see `feed_shapes`.
  """
  mesh = Mesh(np.array(devices), (AXIS,))

  def placed(tree: PyTree, spec: PartitionSpec) -> PyTree:
    sharding = NamedSharding(mesh, spec)
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)

  arguments = placed(state, PartitionSpec()), placed(feed, PartitionSpec(AXIS))
  return _mapped(step, devices).lower(*arguments).compile()


def _mapped(step: Callable, devices: Sequence[jax.Device] | None) -> jax.stages.Wrapped:
  return jax.pmap(step, AXIS, in_axes=(None, 0), out_axes=None, donate_argnums=0, devices=devices)


def compiler_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
  """Returns the options for the platform of the devices; {} if tuning is off, see `environment`.

  Options that presets set, and that this version of XLA does not know, are left out: they only affect
  speed. Other unknown options are errors of the compiler.

  Args:
    options: {platform: {option of XLA: value}}.
  """
  if not environment.is_tuned():
    return {}
  given = options.get(jax.local_devices()[0].platform, {})
  return {name: given[name] for name in given if name not in _NEWER or _is_known(name, given[name])}


_NEWER = ('xla_cpu_experimental_ynn_fusion_type',)
"""Options that presets set, and that the oldest supported version of XLA does not know."""


@functools.cache
def _is_known(option: str, value: Any) -> bool:
  """Returns whether XLA accepts an option; it compiles an empty program, which takes milliseconds."""
  try:
    jax.jit(lambda: 0).lower().compile({option: value})
  except jax.errors.JaxRuntimeError as error:
    if 'No such compile option' not in str(error):
      raise
    return False
  return True


def pmap_over_devices(
  function: Callable[[PyTree, jax.Array], PyTree], devices: Sequence[jax.Device] | None = None
) -> Callable[[PyTree, jax.Array], PyTree]:
  """Compiles (shared, per_device [devices, ...]) -> result for all devices, outside of training.

  Args:
    function: the function of one device; its results must be equal on all devices (see `gather`).
    devices: devices of this process; None for all.
  """
  return jax.pmap(function, AXIS, in_axes=(None, 0), out_axes=None, devices=devices)


def replicate(tree: PyTree, devices: Sequence[jax.Device] | None = None) -> PyTree:
  """Returns a new copy of `tree` on each device of this process, placed like the state of a step."""
  local = list(devices or jax.local_devices())
  placed = jax.device_put(tree, NamedSharding(Mesh(np.array(local), (AXIS,)), PartitionSpec()))
  # JAX 0.7 changes the type of keys in `pmap`, and would compile a step again for the new type.
  return pmap_over_devices(_copied, local)(placed, _placed(np.arange(len(local)), local))


def _copied(tree: PyTree, row: jax.Array) -> PyTree:
  # Without a copy, the first device would share buffers with `tree`, and the step would delete them.
  return jax.tree.map(jnp.copy, tree)


def shape_structs(tree: PyTree) -> PyTree:
  """Returns the shapes, types, and shardings of the arrays of a tree."""
  return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree)


def device_memory() -> int:
  """Returns the memory of the smallest device of this process, in bytes.

  On CPU, the memory of the machine is divided by the number of devices.
  """
  host = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // jax.local_device_count()
  stats = [device.memory_stats() or {} for device in jax.local_devices()]
  return min(stat.get('bytes_limit', host) for stat in stats)


def shard_batch(
  arrays: Mapping[str, np.ndarray],
  batch_size: int,
  devices: Sequence[jax.Device] | None = None,
) -> PyTree:
  """Returns the feed of a step: a copy of `arrays` per device, and its rows of the global batch.

  Returns:
    {'arrays': {name: [devices, ...]}, 'rows': int32 [devices, batch_size / all devices]}.
  """
  local = list(devices or jax.local_devices())
  shared = {key: _placed([array] * len(local), local) for key, array in arrays.items()}
  return {'arrays': shared, 'rows': _placed(rows(batch_size, devices), local)}


def feed_shapes(arrays: Mapping[str, np.ndarray], batch_size: int, count: int) -> PyTree:
  """Returns the shapes of the feed that `shard_batch` returns for `count` devices."""
  shared = {k: jax.ShapeDtypeStruct((count, *v.shape), v.dtype) for k, v in arrays.items()}
  return {'arrays': shared, 'rows': jax.ShapeDtypeStruct((count, batch_size // count), np.int32)}


def rows(batch_size: int, devices: Sequence[jax.Device] | None = None) -> np.ndarray:
  """Returns the rows of the global batch of each device of this process, int32 [devices, b]."""
  count = len(devices or jax.local_devices())
  every = np.arange(batch_size, dtype=np.int32).reshape(count * jax.process_count(), -1)
  return every[jax.process_index() * count :][:count]


def device_batches(
  chunks: Iterable[Mapping[str, np.ndarray]],
  batch_size: int,
  devices: Sequence[jax.Device] | None = None,
  resident: Mapping[str, np.ndarray] = {},
) -> Iterator[PyTree]:
  """Yields the feed of each call, for data that is not resident on the devices.

  The next chunk is copied to the devices while they compute on the current one.

  Args:
    chunks: the data of each call: arrays [batches, rows, ...], with the rows of all devices of this
      process in the order of `rows`, or scalars, which all devices get.
    batch_size: the global batch size.
    devices: devices of this process; None for all.
    resident: further arrays, which every device holds for all calls.

  Yields:
    The feed of a call, see `shard_batch`.
  """
  local = list(devices or jax.local_devices())
  whole = shard_batch(resident, batch_size, devices)

  def divided(array: np.ndarray) -> Sequence[np.ndarray]:
    return np.split(array, len(local), axis=1) if array.ndim else [array] * len(local)

  def placed(chunk: Mapping[str, np.ndarray]) -> PyTree:
    arrays = {key: _placed(divided(array), local) for key, array in chunk.items()}
    return {**whole, 'arrays': {**whole['arrays'], **arrays}}

  ready = map(placed, chunks)
  following = next(ready, None)
  while following is not None:
    now, following = following, next(ready, None)
    yield now


def _placed(values: Sequence[np.ndarray] | np.ndarray, devices: Sequence[jax.Device]) -> jax.Array:
  """Returns an array [devices, ...] with one value per device."""
  sharding = NamedSharding(Mesh(np.array(devices), (AXIS,)), PartitionSpec(AXIS))
  shards = [jax.device_put(v[None], d) for v, d in zip(values, devices, strict=True)]
  return jax.make_array_from_single_device_arrays((len(devices), *values[0].shape), sharding, shards)


def local(tree: PyTree) -> PyTree:
  """Returns the replica of the first device of this process, for work outside the step."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)


def to_host(tree: PyTree) -> PyTree:
  """Returns a copy of a replicated tree as NumPy arrays on the host, after waiting for it."""
  return jax.tree.map(lambda x: np.array(x), jax.device_get(local(tree)))
