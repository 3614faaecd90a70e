"""Devices and processes: the only file that knows them.

One replica of the state on each device, the batch divided among all devices of all processes.
"""

import os
import re
import signal
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax import cache, environment, threefry
from gan_jax.errors import ConfigError

AXIS = 'devices'
"""The axis of a device's place among all devices, for collectives inside a step."""

PyTree = Any
T = TypeVar('T')


def prepare() -> None:
  """Keeps compiled programs in the user's cache folder, so that the next start is quick.

  JAX_COMPILATION_CACHE_DIR names another folder. Random numbers are made quicker on CPU, and are the
  same.
  """
  if environment.is_tuned():
    threefry.write_out()
  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    jax.config.update('jax_compilation_cache_dir', str(cache.folder() / 'xla'))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)


def connect(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
  """Joins this process to the others of a run; with no coordinator it is alone.

  Args:
    coordinator: host:port of process 0, the same for all.
    num_processes: how many there are.
    process_id: which one this is, from 0.

  Raises:
    ConfigError: one of the three without the others, or what cannot be.
  """
  given = (coordinator, num_processes, process_id)
  if all(x is None for x in given):
    return
  if any(x is None for x in given):
    raise ConfigError('--coordinator, --num_processes and --process_id go together; give all three')
  if not 0 <= process_id < num_processes:
    raise ConfigError(f'--process_id is {process_id}; it must be from 0 to {num_processes - 1}')
  if not re.fullmatch(r'.+:\d+', coordinator):
    raise ConfigError(f'--coordinator is {coordinator!r}; it must be host:port')
  jax.config.update('jax_cpu_collectives_implementation', 'gloo')
  jax.distributed.initialize(
    coordinator,
    num_processes,
    process_id,
    initialization_timeout=60,
    heartbeat_timeout_seconds=10,
    shutdown_timeout_seconds=10,
  )


def is_primary() -> bool:
  """Whether this is the one process that writes files and speaks."""
  return jax.process_index() == 0


def together(function: Callable[[], T]) -> T:
  """Calls `function` in every process; what any of them refuses is refused in all.

  Raises:
    ConfigError: its own, or that another process could not go on.
  """
  result = error = None
  try:
    result = function()
  except ConfigError as found:
    error = found
  failed = np.flatnonzero(_gathered(error is not None))
  if error:
    raise error
  if failed.size:
    raise ConfigError(f'process {failed[0]} cannot go on; its own error says why')
  return result


def on_primary(function: Callable[[], T]) -> T | None:
  """Calls `function` in the primary process alone; the others wait for it, and fail if it does."""
  return together(function if is_primary() else lambda: None)


def decided(flag: bool) -> bool:
  """What the primary process says, in all of them."""
  return bool(_gathered(flag)[0])


def unanimous(flag: bool) -> bool:
  """Whether all processes say so, in all of them."""
  return bool(_gathered(flag).all())


def check_agreement(value: Any, what: str) -> None:
  """Raises ConfigError in all processes unless `value` prints the same in all of them."""
  # One bit less, to be an int32 in every process.
  if len(set(_gathered(zlib.crc32(repr(value).encode()) >> 1).tolist())) > 1:
    raise ConfigError(what)


def _gathered(value: int) -> np.ndarray:
  """The values of all processes, in their order."""
  return np.atleast_1d(multihost_utils.process_allgather(np.array(value, np.int32)))


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
  return jax.lax.all_gather(x, AXIS, tiled=True)


class Across(NamedTuple):
  """What the devices do together inside a step: `mean` of a tree, `gather` of a batch's parts."""

  mean: Callable[[PyTree], PyTree]
  gather: Callable[[jax.Array], jax.Array]


ACROSS = Across(mean, gather)


def on_devices(
  step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
  devices: Sequence[jax.Device] | None = None,
  options: Mapping[str, Mapping[str, Any]] = {},
) -> Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]:
  """Compiles (state, feed) -> (state, metrics) for all devices; the given state is used up.

  Args:
    step: what one device does; whatever it returns must be equal on all devices (see `mean`).
    devices: those of this process; None for all.
    options: of the compiler, see `compiler_options`.
  """
  mapped, own = _mapped(step, devices), compiler_options(options)
  # What is compiled ahead does not take the arrays of one process of several.
  if not own or jax.process_count() > 1:
    return mapped
  program = None

  def call(state: PyTree, feed: PyTree) -> tuple[PyTree, PyTree]:
    nonlocal program
    # Only what is compiled ahead of its first call takes options.
    program = program or mapped.lower(state, feed).compile(own)
    return program(state, feed)

  return call


def compiled(
  step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
  state: PyTree,
  feed: PyTree,
  options: Mapping[str, Mapping[str, Any]] = {},
) -> jax.stages.Compiled:
  """As `on_devices`, compiled at once for the given state and feed, so that it can be read."""
  return _mapped(step, None).lower(state, feed).compile(compiler_options(options))


def _mapped(step: Callable, devices: Sequence[jax.Device] | None) -> Callable:
  return jax.pmap(step, AXIS, in_axes=(None, 0), out_axes=None, donate_argnums=0, devices=devices)


def compiler_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
  """Those of {platform: {option of XLA: value}} that are for the devices here; see `environment`."""
  return dict(options.get(jax.local_devices()[0].platform, {})) if environment.is_tuned() else {}


def spread(
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
  return jax.tree.map(lambda x: jax.device_put(x.copy(), place), tree)


def device_memory() -> int:
  """Bytes of memory of a device of this process, the least; on CPU its share of the machine's."""
  host = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // jax.local_device_count()
  stats = [device.memory_stats() or {} for device in jax.local_devices()]
  return min(found.get('bytes_limit', host) for found in stats)


def feed(
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


def rows(batch_size: int, devices: Sequence[jax.Device] | None = None) -> np.ndarray:
  """The rows of a global batch that each device of this process makes, int32 [devices, b]."""
  count = len(devices or jax.local_devices())
  every = np.arange(batch_size, dtype=np.int32).reshape(count * jax.process_count(), -1)
  return every[jax.process_index() * count :][:count]


def feeds(
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


def _placed(values: Sequence[np.ndarray], devices: Sequence[jax.Device]) -> jax.Array:
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


class StopRequest:
  """Notes a SIGTERM or SIGINT while it is entered, for the loop to end at a step of its choice.

  Several processes agree on the step: a SIGTERM to any one of them stops all at the same one, and
  SIGINT is left alone. A second signal of the same kind ends the process as if this were not here.
  """

  def __init__(self):
    self.signal: signal.Signals | None = None
    self._before = {}

  def __enter__(self) -> 'StopRequest':
    if jax.process_count() == 1:
      for number in (signal.SIGTERM, signal.SIGINT):
        self._before[number] = signal.signal(number, self._note)
    return self

  def __exit__(self, *unused) -> None:
    for number, handler in self._before.items():
      signal.signal(number, handler)

  def _note(self, number: int, unused_frame) -> None:
    self.signal = signal.Signals(number)
    signal.signal(number, self._before[number])

  def reached(self, call: int) -> bool:
    """Whether to stop after this call; asked after every one, by number, in all processes."""
    if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(call):
      self.signal = signal.SIGTERM
    return self.signal is not None
