"""Many runs in one compiled program; besides `runtime.devices` the only file that knows devices.

The runs are divided among the devices, and none sees another. On CPU a device takes its runs in turn,
which gives each bit for bit what it is alone, and is as fast: one run's step fills a core. Elsewhere a
device takes them at once by `vmap`, where the order of sums may differ.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.runtime.devices import AXIS, compiler_options

PyTree = Any

RUNS = 'runs'
"""The axis of the devices among which runs are divided."""

ONE_BY_ONE = ('cpu',)
"""Platforms whose devices take their runs in turn."""

OneStep = Callable[[PyTree, PyTree, PyTree], tuple[PyTree, PyTree]]
"""What one run does: (state, feed, values) -> (state, metrics)."""


def a_device_a_core(cores: int) -> None:
  """Makes each core a device of its own, unless XLA_FLAGS says how many; called before JAX begins."""
  if 'xla_force_host_platform_device_count' not in os.environ.get('XLA_FLAGS', ''):
    jax.config.update('jax_num_cpu_devices', cores)


def devices(count: int) -> list[jax.Device]:
  """As many as `count` runs can make use of."""
  found = jax.local_devices()
  rounds = math.ceil(count / len(found))
  return found[: math.ceil(count / rounds)]


class Ensemble:
  """Runs of one program, and the devices among which they are divided.

  Where the runs cannot be divided evenly, the last is made again to fill the gap, and left out of all
  that is given back.
  """

  def __init__(self, count: int, batch_size: int):
    """For `count` runs with batches of `batch_size`."""
    self.count, self._batch = count, batch_size
    self._devices = devices(count)
    self._mesh = Mesh(np.array(self._devices)[:, None], (RUNS, AXIS))
    self._filled = math.ceil(count / len(self._devices)) * len(self._devices)
    self._one_by_one = self._devices[0].platform in ONE_BY_ONE

  def place(self, trees: Sequence[PyTree]) -> PyTree:
    """The trees of all runs on their devices, each leaf [runs, ...]."""
    filled = [*trees, *[trees[-1]] * (self._filled - len(trees))]
    stack = lambda *leaves: jnp.stack(leaves) if _is_key(leaves[0]) else np.stack(leaves)
    return self._divide(jax.tree.map(stack, *filled))

  def put(self, tree: PyTree) -> PyTree:
    """What `place` gives, of leaves [runs, ...] as `trimmed` gives them."""
    gap = self._filled - self.count
    fill = lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], gap, axis=0)])
    return self._divide(jax.tree.map(fill, tree) if gap else tree)

  def trimmed(self, tree: PyTree) -> PyTree:
    """The leaves [runs, ...] without what fills the gap, however many devices there are."""
    return jax.tree.map(lambda leaf: leaf[: self.count], tree) if self._filled > self.count else tree

  def _divide(self, tree: PyTree) -> PyTree:
    return jax.device_put(tree, self._sharding(PartitionSpec(RUNS)))

  def share(self, tree: PyTree) -> PyTree:
    """What all runs read alike, once on each device."""
    return jax.device_put(tree, self._sharding(PartitionSpec()))

  def run(self, tree: PyTree, number: int) -> PyTree:
    """The tree of one run, on the first device."""
    # Of the device that has it alone, in one program: leaf by leaf it takes longer than to score it.
    device, place = divmod(number, self._filled // len(self._devices))
    held = jax.tree.map(lambda leaf: _on(self._devices[device], leaf), tree)
    return jax.device_put(_taken(held, place), jax.local_devices()[0])

  def to_host(self, tree: PyTree) -> PyTree:
    """NumPy arrays [runs, ...] of all runs; waits for them."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: self.count], tree)

  def compiled(
    self, step: OneStep, state: PyTree, own: PyTree, shared: PyTree, options: Mapping[str, Any]
  ):
    """Compiles (state, own, shared) -> (state, metrics) for all runs; the state given is used up.

    Args:
      step: of one run.
      state: [runs, ...], as an example.
      own: {'arrays', 'values'} of each run, [runs, ...].
      shared: arrays that all runs read.
      options: of the compiler, see `devices.compiler_options`.
    """
    rows = np.arange(self._batch, dtype=np.int32)

    def one(state, own, shared):
      feed = {'arrays': {**own['arrays'], **shared}, 'rows': rows}
      return step(state, feed, own['values'])

    def each(state, own, shared):
      if self._one_by_one:
        return jax.lax.map(lambda mine: one(mine[0], mine[1], shared), (state, own))
      return jax.vmap(one, (0, 0, None))(state, own, shared)

    over, same = PartitionSpec(RUNS), PartitionSpec()
    divided = jax.shard_map(
      each, mesh=self._mesh, in_specs=(over, over, same), out_specs=over, check_vma=False
    )
    return (
      jax.jit(divided, donate_argnums=0).lower(state, own, shared).compile(compiler_options(options))
    )

  def _sharding(self, spec: PartitionSpec) -> NamedSharding:
    return NamedSharding(self._mesh, spec)


def _on(device: jax.Device, leaf: jax.Array) -> jax.Array:
  return next(shard.data for shard in leaf.addressable_shards if shard.device == device)


@jax.jit
def _taken(tree: PyTree, place: int) -> PyTree:
  return jax.tree.map(lambda leaf: leaf[place], tree)


def _is_key(leaf: Any) -> bool:
  return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def divided(arrays: Sequence[Mapping[str, np.ndarray]]) -> tuple[list[dict], dict]:
  """The arrays of several runs as those of each, and those that are the same for all."""
  first, *others = arrays
  shared = {
    key: array
    for key, array in first.items()
    if all(o[key] is array or np.array_equal(o[key], array) for o in others)
  }
  # What is small and the same by chance may differ in a run that joins later; it costs nothing.
  shared = {key: array for key, array in shared.items() if array.ndim > 1}
  own = [{key: o[key] for key in o if key not in shared} for o in arrays]
  return own, shared


def memory(program: Any) -> int:
  """Bytes that a compiled program takes on the devices of this process, as its compiler says."""
  found = program.memory_analysis()
  each = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
  place = jax.tree.leaves(program.input_shardings)[0]
  return (each - found.alias_size_in_bytes) * len(place.device_set)
