"""Compiles the train step of every experiment for TPUs, on a machine that has none: make tpu.

python benchmarks/tpu.py [--only=WORD,...] [--write]
python benchmarks/tpu.py --requirement

It is the compiler of real TPUs, from the package libtpu, and each step is the one that `gan_jax.main`
trains with, at its full size, for the chips named below. What it says of a step is put beside
benchmarks/tpu.json: a step that does not compile, does not fit, or takes more than a tenth more time or
memory than there is an error. --write replaces what is there by what was found, and writes
benchmarks/TPU.md. --requirement prints which libtpu belongs to the JAX that is installed.
"""

import concurrent.futures
import json
import math
import multiprocessing
import os
import pathlib
import re
import sys
from importlib import metadata
from typing import Any, NamedTuple

from absl import app, flags

_ONLY = flags.DEFINE_list('only', [], 'Experiments; all if none are named.')
_WRITE = flags.DEFINE_bool('write', False, 'Replace what is noted.')
_REQUIREMENT = flags.DEFINE_bool('requirement', False, 'Print which libtpu is needed, and end.')

_HERE = pathlib.Path(__file__).parent
_NOTES, _TABLE = _HERE / 'tpu.json', _HERE / 'TPU.md'
_DTYPES = ('float32', 'bfloat16')
_WORSE = 1.1


class Chips(NamedTuple):
  """Chips that are compiled for.

  Attributes:
    topology: their name for libtpu.
    flops: peak arithmetic of one in bfloat16, operations a second.
    memory: of one, bytes.
    source: where these figures are from.
  """

  topology: str
  flops: float
  memory: float
  source: str


CHIPS = {
  'v5e-8': Chips('v5e:2x4', 197e12, 16e9, 'https://cloud.google.com/tpu/docs/v5e'),
  'v4-8': Chips('v4:2x2x1', 275e12, 32e9, 'https://cloud.google.com/tpu/docs/v4'),
}


def _environment() -> None:
  """For processes that compile: TPUs are described, not looked for."""
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


def requirement() -> str:
  """What of libtpu the JAX that is installed asks for, as pip takes it."""
  asked = [r for r in metadata.requires('jax') or [] if r.startswith('libtpu')]
  return asked[0].split(';')[0].replace(' ', '')


def measure(experiment: str, chips: str, dtype: str) -> dict[str, Any]:
  """What the compiler says of a step, for one chip of `chips`."""
  import jax
  from jax.experimental import topologies

  from gan_jax import loop, parallel, sweep

  (setting,) = sweep.settings([str(_HERE.parent / 'experiments' / f'{experiment}.py')], {})
  config = setting.config | {'compute_dtype': dtype, 'steps_per_call': 1, 'unroll': 1}
  topology = CHIPS[chips].topology
  devices = topologies.get_topology_desc(platform='tpu', topology_name=topology).devices
  # A batch that they can share.
  config['batch_size'] += -config['batch_size'] % len(devices)
  built = loop.assemble(config)
  state = jax.eval_shape(lambda: loop.start(config, built))
  feed = parallel.feed_shapes(built.source.arrays, config['batch_size'], len(devices))
  program = parallel.compiled_for(loop.step(config, built), devices, state, feed)
  cost, memory = program.cost_analysis(), program.memory_analysis()
  images = config['batch_size'] * built.play.draws
  # An operation of which it does not know how long it takes counts as -1 second.
  unknown = max(math.ceil(-cost['optimal_seconds']), 0)
  seconds = cost['optimal_seconds'] + unknown
  return {
    'chips': len(devices),
    'batch': config['batch_size'],
    'flops': cost['flops'],
    'bytes': cost['bytes accessed'],
    'memory': memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    + memory.temp_size_in_bytes
    - memory.alias_size_in_bytes,
    'seconds': seconds,
    'unknown': unknown,
    'images': images / seconds,
    'peak': cost['flops'] / seconds / CHIPS[chips].flops,
    'reduced': _reduced(program.as_text()),
  }


_BYTES = {'f32': 4, 'bf16': 2, 's32': 4, 'u32': 4, 'pred': 1}


def _reduced(text: str) -> int:
  """Bytes of all-reduces and all-gathers in a program, each counted once however often it runs."""
  total = 0
  for result in re.findall(r'= (.*?) all-(?:reduce|gather)(?:-start)?\(', text):
    for kind, shape in re.findall(r'\b(f32|bf16|s32|u32|pred)\[([\d,]*)\]', result):
      count = 1
      for length in filter(None, shape.split(',')):
        count *= int(length)
      total += count * _BYTES[kind]
  return total


def _complaints(key: str, now: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
  """What is wrong with a step."""
  limit = CHIPS[key.split()[1]].memory
  found = []
  if now['memory'] > limit:
    found.append(f'{key} does not fit: {now["memory"] / 1e9:.1f} of {limit / 1e9:.0f} GB')
  if before is None:
    return [*found, f'{key} is not noted, so nothing is compared; --write notes it']
  for name in ('seconds', 'memory'):
    if now[name] > _WORSE * before[name]:
      found.append(f'{key}: {name} {before[name]:.4g} before, {now[name]:.4g} now')
  return found


def _row(key: str, found: dict[str, Any]) -> str:
  cells = (
    *key.split(),
    f'{found["batch"]}',
    f'{found["flops"] / 1e9:.2f}',
    f'{found["bytes"] / 1e6:.0f}',
    f'{found["memory"] / 1e6:.0f}',
    f'{found["seconds"] * 1e6:.0f}',
    f'{found["unknown"]}',
    f'{found["images"]:,.0f}',
    f'{found["peak"]:.1%}',
    f'{found["reduced"] / 1e6:.2f}',
  )
  return '| ' + ' | '.join(cells) + ' |'


def _document(notes: dict[str, dict[str, Any]]) -> str:
  head = (
    *('experiment', 'chips', 'networks in', 'batch', 'GFLOP', 'MB touched', 'MB held', 'µs'),
    *('operations without µs', 'images/s of all chips', 'share of peak', 'MB reduced'),
  )
  sources = [
    f'{name}: {chip.flops / 1e12:.0f} TFLOP/s in bfloat16, {chip.memory / 1e9:.0f} GB ({chip.source})'
    for name, chip in CHIPS.items()
  ]
  versions = f'jax {metadata.version("jax")}, libtpu {metadata.version("libtpu")}'
  return '\n'.join(
    [
      '# Training steps as the TPU compiler sees them',
      '',
      f'`make tpu`: {versions}. No TPU ran: time is what the compiler expects',
      '(`optimal_seconds`), without the host and with nothing waiting, so a bound from below. All is',
      'for one step, and for one chip but for the images, which are the real ones that all chips read.',
      'Operations without µs are those that the compiler has no estimate for; their time is left out.',
      f'A chip has at its best, {"; ".join(sources)}.',
      '',
      '| ' + ' | '.join(head) + ' |',
      '| ' + ' | '.join(['---'] * len(head)) + ' |',
      *(_row(key, notes[key]) for key in sorted(notes)),
      '',
    ]
  )


def main(unused_argv) -> None:
  """Compiles, compares, prints."""
  if _REQUIREMENT.value:
    print(requirement())
    return
  experiments = sorted(path.stem for path in (_HERE.parent / 'experiments').glob('*.py'))
  chosen = _ONLY.value or experiments
  jobs = [(name, chips, dtype) for name in chosen for chips in CHIPS for dtype in _DTYPES]
  notes = json.loads(_NOTES.read_text()) if _NOTES.exists() else {}
  wrong = []
  with concurrent.futures.ProcessPoolExecutor(
    max_workers=os.cpu_count(),
    mp_context=multiprocessing.get_context('spawn'),
    initializer=_environment,
    max_tasks_per_child=4,
  ) as pool:
    under_way = {pool.submit(measure, *job): ' '.join(job) for job in jobs}
    for future in concurrent.futures.as_completed(under_way):
      key = under_way[future]
      try:
        found = future.result()
      # Of whatever kind the compiler's refusal is, the others are still to be seen.
      except Exception as error:
        wrong.append(f'{key} does not compile: {str(error).splitlines()[0]:.300}')
        continue
      print(_row(key, found), flush=True)
      wrong += _complaints(key, found, found if _WRITE.value else notes.get(key))
      if _WRITE.value:
        notes[key] = found
        _NOTES.write_text(json.dumps(notes, indent=1, sort_keys=True) + '\n')
        _TABLE.write_text(_document(notes))
  for line in wrong:
    print(f'error: {line}', file=sys.stderr)
  sys.exit(bool(wrong))


if __name__ == '__main__':
  app.run(main)
