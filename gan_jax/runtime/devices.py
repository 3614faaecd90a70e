"""Devices: the only file that places work on them. `accelerators` describes them for people.

The module `processes` has what processes agree on.

One replica of the state on each device, the batch divided among all devices of all processes.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.common import cache, console, user_paths
from gan_jax.runtime import environment, jax_settings, threefry

AXIS = 'devices'
"""The axis of a device's place among all devices, for collectives inside a step."""

PyTree = Any

_PROGRAM_CACHE = 'JAX_COMPILATION_CACHE_DIR'


def prepare() -> None:
  """Sets up JAX for this process; commands call it before they make anything.

  Settings of JAX that would change what a seed draws are overridden, with a warning for each, see
  `jax_settings`. Compiled programs go into the user's cache folder, so that the next start is quick;
  JAX_COMPILATION_CACHE_DIR names another. On CPU the same random numbers are made faster.

  Raises:
    ConfigError: a setting of JAX under which nothing can be compiled.
  """
  jax_settings.fix(console.warn)
  if environment.is_tuned():
    threefry.write_out()
  jax.config.update('jax_compilation_cache_dir', _program_cache())
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)


def _program_cache() -> str:
  """The folder of compiled programs; '' for none."""
  named = os.environ.get(_PROGRAM_CACHE)
  if named is None:
    return str(cache.folder() / 'xla')
  return named and str(user_paths.expanded(named, _PROGRAM_CACHE))


def device_count() -> int:
  """The number of devices of all processes."""
  return jax.device_count()


def mean(tree: PyTree) -> PyTree:
  """Inside a step: the mean over devices of every floating-point leaf; other leaves as they are."""
  if jax.lax.axis_size(AXIS) == 1:
    # XLA would copy all gradients to sum them over one device. The barrier keeps what a sum is besides:
    # without it gradients are made anew for each of their uses.
    return jax.lax.optimization_barrier(tree)

  def one(x: jax.Array) -> jax.Array:
    return jax.lax.pmean(x, AXIS) if jnp.issubdtype(x.dtype, jnp.floating) else x

  return jax.tree.map(one, tree)


def gather(x: jax.Array) -> jax.Array:
  """Inside a step: from this device's [b, ...] to [B, ...] of all devices, in their order."""
  # Else XLA:CPU would have a single device wait for itself.
  return jax.lax.all_gather(x, AXIS, tiled=True) if jax.lax.axis_size(AXIS) > 1 else x


class Collectives(NamedTuple):
  """What the devices do together inside a step: `mean` of a tree, `gather` of a batch's parts."""

  mean: Callable[[PyTree], PyTree]
  gather: Callable[[jax.Array], jax.Array]


GLOBAL_BATCH = Collectives(mean, gather)
PER_DEVICE = Collectives(mean, lambda x: x)
"""Where each device looks at its own part of a batch alone."""


class Program:
  """A step for all devices: (state, feed) -> (state, metrics); the given state is used up."""

  def __init__(
    self,
    step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
    devices: Sequence[jax.Device] | None = None,
    options: Mapping[str, Mapping[str, Any]] = {},
  ):
    """Prepares to compile, at the first call or before it, see `begin`.

    Args:
      step: what one device does; whatever it returns must be equal on all devices (see `mean`).
      devices: those of this process; None for all.
      options: of the compiler, see `compiler_options`.
    """
    self._mapped = _mapped(step, devices)
    self._call: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]] | None = None
    self._begun: futures.Future[jax.stages.Compiled] | None = None
    # Only what is compiled ahead of its first call takes options, but not the arrays of one process of
    # several.
    self._is_alone = jax.process_count() == 1
    self._options = compiler_options(options) if self._is_alone else {}

  def compiled(self, state: PyTree, feed: PyTree) -> jax.stages.Compiled:
    """Compiled for such a state and feed, so that it can be read."""
    return self._mapped.lower(state, feed).compile(self._options)

  def start_compiling(self, state: PyTree, feed: PyTree) -> None:
    """Starts to compile in a thread, for a state and a feed that have these `places`.

    Whatever that raises is raised at the first call. One process of several does not start before that.
    """
    if not self._is_alone:
      return
    thread = futures.ThreadPoolExecutor(max_workers=1)
    self._begun = thread.submit(self.compiled, state, feed)
    thread.shutdown(wait=False)

  def __call__(self, state: PyTree, feed: PyTree) -> tuple[PyTree, PyTree]:
    """One call of the step."""
    self._call = self._call or self._first(state, feed)
    return self._call(state, feed)

  def _first(self, state: PyTree, feed: PyTree) -> Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]:
    begun = self._begun and self._begun.result()
    if not self._options:
      # JAX has kept what was begun.
      return self._mapped
    return begun or self.compiled(state, feed)


def compiled_for(
  step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
  devices: Sequence[jax.Device],
  state: PyTree,
  feed: PyTree,
) -> jax.stages.Compiled:
  """A step compiled for devices that need not be here, see `jax.experimental.topologies`.

  Args:
    step: what one device does, see `Program`.
    devices: all of them.
    state: its shapes.
    feed: its shapes, see `feed_shapes`.
  """
  mesh = Mesh(np.array(devices), (AXIS,))

  def placed(tree: PyTree, spec: PartitionSpec) -> PyTree:
    place = NamedSharding(mesh, spec)
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), tree)

  arguments = placed(state, PartitionSpec()), placed(feed, PartitionSpec(AXIS))
  return _mapped(step, devices).lower(*arguments).compile()


def _mapped(step: Callable, devices: Sequence[jax.Device] | None) -> jax.stages.Wrapped:
  return jax.pmap(step, AXIS, in_axes=(None, 0), out_axes=None, donate_argnums=0, devices=devices)


def compiler_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
  """Those of {platform: {option of XLA: value}} that are for the devices here; see `environment`."""
  return dict(options.get(jax.local_devices()[0].platform, {})) if environment.is_tuned() else {}


def pmap_over_devices(
  function: Callable[[PyTree, jax.Array], PyTree], devices: Sequence[jax.Device] | None = None
) -> Callable[[PyTree, jax.Array], PyTree]:
  """Compiles (shared, own [devices, ...]) -> result for all devices, outside of training.

  Args:
    function: what one device does; whatever it returns must be equal on all devices (see `gather`).
    devices: those of this process; None for all.
  """
  return jax.pmap(function, AXIS, in_axes=(None, 0), out_axes=None, devices=devices)


def replicate(tree: PyTree, devices: Sequence[jax.Device] | None = None) -> PyTree:
  """A new copy of `tree` on each device of this process, as a step leaves it."""
  mesh = Mesh(np.array(devices or jax.local_devices()), (AXIS,))
  place = NamedSharding(mesh, PartitionSpec())
  # The first device would otherwise share its buffers with `tree`, which the step would then delete.
  return jax.device_put(_copied(tree), place)


@jax.jit
def _copied(tree: PyTree) -> PyTree:
  return jax.tree.map(jnp.copy, tree)


def shape_structs(tree: PyTree) -> PyTree:
  """The shapes of arrays, and the devices that they are on."""
  return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree)


def device_memory() -> int:
  """Bytes of memory of a device of this process, the least; on CPU its share of the machine's."""
  host = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // jax.local_device_count()
  stats = [device.memory_stats() or {} for device in jax.local_devices()]
  return min(found.get('bytes_limit', host) for found in stats)


def shard_batch(
  arrays: Mapping[str, np.ndarray],
  batch_size: int,
  devices: Sequence[jax.Device] | None = None,
) -> PyTree:
  """What a step reads: for each device its own copy of `arrays`, and its rows of the global batch.

  Returns:
    {'arrays': {name: [devices, ...]}, 'rows': int32 [devices, batch_size / all devices]}.
  """
  local, mine = list(devices or jax.local_devices()), rows(batch_size, devices)
  shared = {key: _placed([array] * len(local), local) for key, array in arrays.items()}
  return {'arrays': shared, 'rows': _placed(mine, local)}


def feed_shapes(arrays: Mapping[str, np.ndarray], batch_size: int, count: int) -> PyTree:
  """The shapes of what `feed` returns for so many devices."""
  shared = {k: jax.ShapeDtypeStruct((count, *v.shape), v.dtype) for k, v in arrays.items()}
  return {'arrays': shared, 'rows': jax.ShapeDtypeStruct((count, batch_size // count), np.int32)}


def rows(batch_size: int, devices: Sequence[jax.Device] | None = None) -> np.ndarray:
  """The rows of a global batch that each device of this process makes, int32 [devices, b]."""
  count = len(devices or jax.local_devices())
  every = np.arange(batch_size, dtype=np.int32).reshape(count * jax.process_count(), -1)
  return every[jax.process_index() * count :][:count]


def device_batches(
  parts: Iterable[Mapping[str, np.ndarray]],
  batch_size: int,
  devices: Sequence[jax.Device] | None = None,
) -> Iterator[PyTree]:
  """What call after call reads, of data that are not held by the devices.

  The next part is on its way to the devices while they work on the one before.

  Args:
    parts: for each call arrays [draws, batch, ...], whose batch is the rows of all devices of this
      process, see `rows`, in their order; or scalars, which all devices get.
    batch_size: global.
    devices: those of this process; None for all.

  Yields:
    As `feed` returns it.
  """
  local, mine = list(devices or jax.local_devices()), rows(batch_size, devices)
  shared = _placed(mine, local)

  def divided(array: np.ndarray) -> Sequence[np.ndarray]:
    return np.split(array, len(local), axis=1) if array.ndim else [array] * len(local)

  def placed(part: Mapping[str, np.ndarray]) -> PyTree:
    arrays = {key: _placed(divided(array), local) for key, array in part.items()}
    return {'arrays': arrays, 'rows': shared}

  ready = map(placed, parts)
  following = next(ready, None)
  while following is not None:
    now, following = following, next(ready, None)
    yield now


def _placed(values: Sequence[np.ndarray] | np.ndarray, devices: Sequence[jax.Device]) -> jax.Array:
  """An array [devices, ...] of the values of each."""
  place = NamedSharding(Mesh(np.array(devices), (AXIS,)), PartitionSpec(AXIS))
  held = [jax.device_put(v[None], d) for v, d in zip(values, devices, strict=True)]
  return jax.make_array_from_single_device_arrays((len(devices), *values[0].shape), place, held)


def local(tree: PyTree) -> PyTree:
  """The replica of the first device of this process, for work outside the step."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)


def to_host(tree: PyTree) -> PyTree:
  """A copy of a replicated tree in the memory of the host, in NumPy arrays; waits for it."""
  return jax.tree.map(lambda x: np.array(x), jax.device_get(local(tree)))
