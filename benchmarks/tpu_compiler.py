"""The compiler of TPUs, on a machine that has none: what it makes of a train step, and says of it.

It is that of real ones, from the package libtpu, for chips that are only described.
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
  """Chips that are compiled for.

  Attributes:
    topology: their name for libtpu, and how it counts their cores where it must be told.
    count: of chips, each of them a device.
    flops: peak arithmetic of one in bfloat16, operations a second.
    memory: of one, bytes.
    source: where these figures are from.
  """

  topology: tuple[str, str | None]
  count: int
  flops: float
  memory: float
  source: str


CHIPS = {
  'v5e-8': Chips(('v5e:2x4', None), 8, 197e12, 16e9, 'https://cloud.google.com/tpu/docs/v5e'),
  'v4-8': Chips(('v4:2x2x1', 'megacore'), 4, 275e12, 32e9, 'https://cloud.google.com/tpu/docs/v4'),
}


class Program(NamedTuple):
  """What was compiled.

  Attributes:
    compiled: by XLA.
    chips: how many share the batch.
    batch: of one update, on all chips.
    draws: batches of real examples that a step reads.
  """

  compiled: Any
  chips: int
  batch: int
  draws: int


def prepare() -> None:
  """For a process that compiles, before it imports JAX: TPUs are described, not looked for."""
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
  """(job, what came of function(*job)) as they end, each in a new process, one for each core at once.

  A process of its own, as the compiler may take it down, and keeps memory.
  """

  def call(job: tuple) -> Any:
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(1, context, prepare) as one:
      return one.submit(function, *job).result()

  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
    under_way = {threads.submit(call, job): job for job in jobs}
    for future in concurrent.futures.as_completed(under_way):
      yield under_way[future], future


def requirement() -> str:
  """What of libtpu the JAX that is installed asks for, as pip takes it."""
  asked = [r for r in metadata.requires('jax') or [] if r.startswith('libtpu')]
  return asked[0].split(';')[0].replace(' ', '')


def experiments() -> list[str]:
  """The names of all experiments."""
  return sorted(path.stem for path in EXPERIMENTS.glob('*.py'))


def compiled(
  experiment: str,
  topology: tuple[str, str | None],
  changes: Mapping[str, Any] = {},
  per_chip: int | None = None,
) -> Program:
  """Compiles one step of an experiment, the one that `gan_jax.main` trains with.

  Args:
    experiment: 'NAME' or 'NAME:PRESET'.
    topology: of the chips, as of `Chips`.
    changes: {path in the config: value}.
    per_chip: examples of a batch for each; by default they share the experiment's batch, which is
      made larger if they cannot.
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
  counted = {'chip_config_name': cores} if cores else {}
  devices = topologies.get_topology_desc(platform='tpu', topology_name=name, **counted).devices
  chips = len(devices)
  config['batch_size'] = per_chip * chips if per_chip else -(-config['batch_size'] // chips) * chips
  built = setup.assemble_run(parse(config))
  state = jax.eval_shape(lambda: setup.initial_state(built))
  feed = feed_shapes(built.source.arrays, config['batch_size'], chips)
  with _loops_written_out():
    program = compiled_for(setup.make_call(built), devices, state, feed)
  return Program(program, chips, config['batch_size'], built.play.draws)


@contextlib.contextmanager
def _loops_written_out() -> Iterator[None]:
  """Several updates are a loop, of whose body XLA counts a single round; here there is no loop."""
  import jax

  scan = jax.lax.scan
  with mock.patch.object(jax.lax, 'scan', lambda *args, **how: scan(*args, **{**how, 'unroll': True})):
    yield


def memory(program: Program) -> int:
  """Bytes that a chip must hold."""
  found = program.compiled.memory_analysis()
  held = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
  return held - found.alias_size_in_bytes


def seconds(program: Program) -> tuple[float, int]:
  """(what the compiler expects a step to take, operations of which it expects nothing)."""
  expected = program.compiled.cost_analysis()['optimal_seconds']
  # Each operation of which it does not know how long it takes counts as -1 second.
  unknown = max(math.ceil(-expected), 0)
  return expected + unknown, unknown


def cycles(program: Program) -> int:
  """What the compiler's own schedule has for all operations of a step, waiting for none."""
  return sum(map(int, re.findall(r'"estimated_cycles":"(\d+)"', program.compiled.as_text())))


_BYTES = {'f32': 4, 'bf16': 2, 's32': 4, 'u32': 4, 'u8': 1, 'pred': 1}
_ARRAY = re.compile(r'\b([a-z]+\d*)\[([\d,]*)\]')
COLLECTIVES = 'all-reduce', 'all-gather', 'reduce-scatter'
"""The kinds that are counted."""
_OTHERS = re.compile(
  r' ((all-reduce|all-gather|reduce-scatter)-start|all-to-all|collective-permute)[\w-]*\('
)


def collectives(program: Program, kind: str) -> list[int]:
  """Bytes of the result of each collective of a step that is of this kind of `COLLECTIVES`.

  Raises:
    ValueError: there are collectives of kinds that are not counted.
  """
  found, text = [], program.compiled.as_text()
  if _OTHERS.search(text):
    raise ValueError(f'a collective that is not counted: {_OTHERS.search(text)[1]}')
  for line in text.splitlines():
    # One that goes on behind other work is written once more for each part of that.
    if f' {kind}(' in line and '"flag_start"' not in line:
      result = line.partition('= ')[2].partition(f' {kind}(')[0]
      arrays = _ARRAY.findall(result)
      found.append(sum(_BYTES[t] * math.prod(map(int, filter(None, n.split(',')))) for t, n in arrays))
  return found
