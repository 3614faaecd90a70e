"""The TPU compiler on a machine without a TPU: it compiles train steps, and estimates their cost.

The compiler is that of real TPUs, from the package libtpu. The chips are only described.
"""

import concurrent.futures
import contextlib
import math
import multiprocessing
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any, NamedTuple
from unittest import mock

EXPERIMENTS = pathlib.Path(__file__).parent.parent / 'experiments'


class Chips(NamedTuple):
  """Target chips of the compiler.

  Attributes:
    topology: their name in libtpu, and how it counts their cores if it must be given.
    count: number of chips, each of them a device.
    flops: peak arithmetic of one chip in bfloat16, operations per second.
    memory: memory of one chip in bytes.
    source: source of these figures.
  """

  topology: tuple[str, str | None]
  count: int
  flops: float
  memory: float
  source: str


CHIPS = {
  'v5e-8': Chips(('v5e:2x4', None), 8, 197e12, 16e9, 'https://cloud.google.com/tpu/docs/v5e'),
  'v4-8': Chips(('v4:2x2x1', 'megacore'), 4, 275e12, 32e9, 'https://cloud.google.com/tpu/docs/v4'),
  'v5e-128': Chips(('v5e:8x16', None), 128, 197e12, 16e9, 'https://cloud.google.com/tpu/docs/v5e'),
}
HOSTS = ('v5e-8', 'v4-8')
"""The chips of one host, for which every experiment is compiled."""
PRESETS = {
  'sagan:cifar10': 'v5e-8',
  'sagan:imagenet2012': 'v5e-8',
  'biggan:cifar10': 'v5e-8',
  'biggan:imagenet2012': 'v5e-128',
  'biggan:imagenet2012-deep': 'v5e-128',
}
"""{preset of a paper's size: its chips}."""


class Program(NamedTuple):
  """A compiled step.

  Attributes:
    compiled: the program compiled by XLA.
    chips: number of chips that share the batch.
    batch: batch size of one update, on all chips.
    draws: batches of real examples that a step reads.
  """

  compiled: Any
  chips: int
  batch: int
  draws: int


def prepare() -> None:
  """Prepares the environment of a compiling process, before it imports JAX: TPUs are only described."""
  os.environ |= {
    'JAX_PLATFORMS': 'cpu',
    'TPU_SKIP_MDS_QUERY': '1',
    'TPU_ACCELERATOR_TYPE': 'v5litepod-8',
    'TPU_WORKER_HOSTNAMES': 'localhost',
    'TPU_WORKER_ID': '0',
    'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',
    'TPU_STDERR_LOG_LEVEL': '3',
    'TPU_MIN_LOG_LEVEL': '3',
  }


def results(
  function: Callable[..., Any], jobs: Sequence[tuple]
) -> Iterator[tuple[tuple, concurrent.futures.Future]]:
  """Yields (job, future of function(*job)) as jobs end, each in a new process, one per core at once.

  The processes are separate because the compiler may crash, and does not free memory.
  """

  def call(job: tuple) -> Any:
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(1, context, prepare) as one:
      return one.submit(function, *job).result()

  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
    pending = {threads.submit(call, job): job for job in jobs}
    for future in concurrent.futures.as_completed(pending):
      yield pending[future], future


def requirement() -> str:
  """Returns the libtpu version that the installed JAX requires, in pip's notation."""
  requirements = [r for r in metadata.requires('jax') or [] if r.startswith('libtpu')]
  return requirements[0].split(';')[0].replace(' ', '')


def targets() -> dict[str, tuple[str, ...]]:
  """Returns {experiment, with its preset if it has one: the chips for which it is compiled}."""
  names = sorted(path.stem for path in EXPERIMENTS.glob('*.py'))
  return dict.fromkeys(names, HOSTS) | {name: (chips,) for name, chips in PRESETS.items()}


def compiled(
  experiment: str,
  topology: tuple[str, str | None],
  changes: Mapping[str, Any] = {},
  per_chip: int | None = None,
) -> Program:
  """Compiles one step of an experiment, the one that `gan_jax.main` trains with.

  Args:
    experiment: 'NAME' or 'NAME:PRESET'.
    topology: topology of the chips, see `Chips`.
    changes: {path in the config: value}.
    per_chip: batch size per chip; by default the chips share the experiment's batch, which is rounded
      up if they cannot share it evenly.
  """
  import jax
  from jax.experimental import topologies

  from gan_jax.config.run_config import parse
  from gan_jax.run import setup
  from gan_jax.runtime.devices import compiled_for, feed_shapes
  from gan_jax.study import sweep

  name, _, preset = experiment.partition(':')
  fields = {path: [value] for path, value in changes.items()}
  fields |= {'steps_per_call': [1], 'scan_unroll': [1]}
  (setting,) = sweep.settings([f'{EXPERIMENTS / name}.py:{preset}'.rstrip(':')], fields)
  config = setting.config
  name, cores = topology
  options = {'chip_config_name': cores} if cores else {}
  devices = topologies.get_topology_desc(platform='tpu', topology_name=name, **options).devices
  chips = len(devices)
  config['batch_size'] = per_chip * chips if per_chip else -(-config['batch_size'] // chips) * chips
  built = setup.assemble_run(parse(config | {'data': _local_data(config)}))
  state = jax.eval_shape(lambda: setup.initial_state(built))
  feed = feed_shapes(built.source.arrays, config['batch_size'], chips)
  with _loops_written_out():
    program = compiled_for(setup.make_call(built), devices, state, feed)
  return Program(program, chips, config['batch_size'], built.play.draws)


def _local_data(config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the data of a config, or blank images in place of a dataset that must be downloaded."""
  import numpy as np

  from gan_jax.data.arrays import from_arrays

  data, classes = config['data'], config['gan'].get('classes') or 1
  if not data['name'].startswith('tfds:'):
    return data
  num = max(config['batch_size'], classes)
  images = np.zeros((num, data['size'], data['size'], data['channels']), np.uint8)
  return from_arrays(images, np.arange(num) % classes)


@contextlib.contextmanager
def _loops_written_out() -> Iterator[None]:
  """Unrolls loops, because XLA counts the body of a loop only once."""
  import jax

  scan = jax.lax.scan
  unrolled = lambda *args, **kwargs: scan(*args, **{**kwargs, 'unroll': True})
  with mock.patch.object(jax.lax, 'scan', unrolled):
    yield


def memory(program: Program) -> int:
  """Returns the bytes that a chip must hold."""
  sizes = program.compiled.memory_analysis()
  held = sizes.argument_size_in_bytes + sizes.output_size_in_bytes + sizes.temp_size_in_bytes
  return held - sizes.alias_size_in_bytes


def seconds(program: Program) -> tuple[float, int]:
  """Returns the compiler's estimate of a step's time, and the number of operations without one."""
  expected = program.compiled.cost_analysis()['optimal_seconds']
  # Each operation without an estimate counts as -1 second.
  unknown = max(math.ceil(-expected), 0)
  return expected + unknown, unknown


def cycles(program: Program) -> int:
  """Returns the cycles of all operations in the compiler's schedule of a step, without waiting."""
  return sum(map(int, re.findall(r'"estimated_cycles":"(\d+)"', program.compiled.as_text())))


_BYTES = {'f32': 4, 'bf16': 2, 's32': 4, 'u32': 4, 'u8': 1, 'pred': 1}
_ARRAY = re.compile(r'\b([a-z]+\d*)\[([\d,]*)\]')
COLLECTIVES = 'all-reduce', 'all-gather', 'reduce-scatter'
"""The kinds that are counted."""
_OTHERS = re.compile(
  r' ((all-reduce|all-gather|reduce-scatter)-start|all-to-all|collective-permute)[\w-]*\('
)


def collectives(program: Program, kind: str) -> list[int]:
  """Returns the bytes of the result of each collective of this kind of `COLLECTIVES` in a step.

  Raises:
    ValueError: the step has collectives of other kinds.
  """
  sizes, text = [], program.compiled.as_text()
  if _OTHERS.search(text):
    raise ValueError(f'unknown kind of collective: {_OTHERS.search(text)[1]}')
  for line in text.splitlines():
    # The text repeats a collective that overlaps other work, once for each step of that work.
    if f' {kind}(' in line and '"flag_start"' not in line:
      result = line.partition('= ')[2].partition(f' {kind}(')[0]
      arrays = _ARRAY.findall(result)
      sizes.append(sum(_BYTES[t] * math.prod(map(int, filter(None, n.split(',')))) for t, n in arrays))
  return sizes
