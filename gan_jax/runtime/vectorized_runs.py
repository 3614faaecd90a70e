"""Many runs in one compiled program; besides `runtime.devices` the only file that knows devices.

The runs are divided among the devices, and none depends on another. On CPU a device takes its runs in
turn, which gives each bit for bit what it is alone, and is as fast: one run's step fills a core.
Elsewhere a device takes them at once by `vmap`, where the order of sums may differ.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.common.types import PyTree
from gan_jax.runtime import devices as runtime_devices
from gan_jax.runtime.devices import AXIS

RUNS = 'runs'
"""The axis of the devices among which runs are divided."""

ONE_BY_ONE = ('cpu',)
"""Platforms whose devices take their runs in turn."""

OneStep = Callable[[PyTree, PyTree, PyTree], tuple[PyTree, PyTree]]
"""The call of one run: (state, feed, values) -> (state, metrics)."""


def use_one_device_per_core(cores: int) -> None:
  """Makes each core a device, unless XLA_FLAGS gives their number, or this process already uses JAX."""
  if 'xla_force_host_platform_device_count' in os.environ.get('XLA_FLAGS', ''):
    return
  try:
    jax.config.update('jax_num_cpu_devices', cores)
  except RuntimeError:
    # JAX has its devices already, as in a notebook: all runs use these.
    return


def devices(count: int) -> list[jax.Device]:
  """Returns as many devices as `count` runs can use."""
  local = jax.local_devices()
  rounds = math.ceil(count / len(local))
  return local[: math.ceil(count / rounds)]


class VectorizedRuns:
  """The arrays of many runs on the devices among which the runs are divided.

  If the runs cannot be divided evenly, copies of the last one fill the gap. Results leave them out.
  """

  def __init__(self, count: int):
    """Divides `count` runs among the devices."""
    self.count = count
    self._devices = devices(count)
    self._filled = math.ceil(count / len(self._devices)) * len(self._devices)
    self.mesh = Mesh(np.array(self._devices)[:, None], (RUNS, AXIS))

  @property
  def one_by_one(self) -> bool:
    """Whether a device takes its runs in turn."""
    return self._devices[0].platform in ONE_BY_ONE

  def stack(self, trees: Sequence[PyTree]) -> PyTree:
    """Puts the trees of all runs on their devices, each leaf [runs, ...]."""
    filled = [*trees, *[trees[-1]] * (self._filled - len(trees))]
    stack = lambda *leaves: jnp.stack(leaves) if _is_key(leaves[0]) else np.stack(leaves)
    return self._divide(jax.tree.map(stack, *filled))

  def put(self, tree: PyTree) -> PyTree:
    """Puts a tree of leaves [runs, ...], as `trimmed` returns it, on the devices."""
    gap = self._filled - self.count
    fill = lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], gap, axis=0)])
    return self._divide(jax.tree.map(fill, tree) if gap else tree)

  def trimmed(self, tree: PyTree) -> PyTree:
    """Returns the leaves [runs, ...] without the copies that fill the gap."""
    return jax.tree.map(lambda leaf: leaf[: self.count], tree) if self._filled > self.count else tree

  def share(self, tree: PyTree) -> PyTree:
    """Puts a tree that all runs read on every device, once on each."""
    return jax.device_put(tree, NamedSharding(self.mesh, PartitionSpec()))

  def take(self, tree: PyTree, index: int) -> PyTree:
    """Returns the tree of one run, on the first device."""
    # Taken in one program on the run's device: leaf by leaf it takes longer than an evaluation.
    device, offset = divmod(index, self._filled // len(self._devices))
    shards = jax.tree.map(lambda leaf: _on(self._devices[device], leaf), tree)
    return jax.device_put(_taken(shards, offset), jax.local_devices()[0])

  def to_host(self, tree: PyTree) -> PyTree:
    """Waits for a tree, and returns it as NumPy arrays [runs, ...]."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: self.count], tree)

  def _divide(self, tree: PyTree) -> PyTree:
    return jax.device_put(tree, NamedSharding(self.mesh, PartitionSpec(RUNS)))


def compile_runs(
  runs: VectorizedRuns,
  step: OneStep,
  batch_size: int,
  example: tuple[PyTree, PyTree, PyTree],
  options: Mapping[str, Mapping[str, Any]],
) -> jax.stages.Compiled:
  """Compiles (state, per_run, shared) -> (state, metrics) for all runs; the given state is used up.

  Args:
    runs: the runs and their devices.
    step: the call of one run.
    batch_size: of each run.
    example: (state, per_run, shared). The state is [runs, ...], `per_run` is {'arrays', 'values'}, each
      leaf [runs, ...], and `shared` holds the arrays that all runs read.
    options: of the compiler, see `devices.compiler_options`.
  """
  rows = np.arange(batch_size, dtype=np.int32)

  def one(state, per_run, shared):
    feed = {'arrays': {**per_run['arrays'], **shared}, 'rows': rows}
    return step(state, feed, per_run['values'])

  def each(state, per_run, shared):
    if runs.one_by_one:
      return jax.lax.map(lambda run: one(run[0], run[1], shared), (state, per_run))
    return jax.vmap(one, (0, 0, None))(state, per_run, shared)

  over, same = PartitionSpec(RUNS), PartitionSpec()
  divided = jax.shard_map(
    each, mesh=runs.mesh, in_specs=(over, over, same), out_specs=over, check_vma=False
  )
  return (
    jax.jit(divided, donate_argnums=0)
    .lower(*example)
    .compile(runtime_devices.compiler_options(options))
  )


def _on(device: jax.Device, leaf: jax.Array) -> jax.Array:
  return next(shard.data for shard in leaf.addressable_shards if shard.device == device)


@jax.jit
def _taken(tree: PyTree, index: int) -> PyTree:
  return jax.tree.map(lambda leaf: leaf[index], tree)


def _is_key(leaf: Any) -> bool:
  return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def divided(arrays: Sequence[Mapping[str, np.ndarray]]) -> tuple[list[dict], dict]:
  """Returns the arrays that differ between runs, for each run, and those that all runs share."""
  first, *others = arrays
  shared = {
    key: array
    for key, array in first.items()
    if all(o[key] is array or np.array_equal(o[key], array) for o in others)
  }
  # Small arrays that agree by chance may differ in a run that joins later. Copies of them are cheap.
  shared = {key: array for key, array in shared.items() if array.ndim > 1}
  per_run = [{key: o[key] for key in o if key not in shared} for o in arrays]
  return per_run, shared


def memory(program: jax.stages.Compiled) -> int:
  """Returns the bytes that a compiled program takes on the devices of this process."""
  analysis: Any = program.memory_analysis()
  each = analysis.argument_size_in_bytes + analysis.output_size_in_bytes + analysis.temp_size_in_bytes
  sharding = jax.tree.leaves(program.input_shardings)[0]
  return (each - analysis.alias_size_in_bytes) * len(sharding.device_set)
