"""Compiles the train step of every experiment for TPUs, on a machine without one: make tpu.

make tpu [ONLY=NAME,...] [WRITE=1]

The compiler is that of real TPUs, from the package libtpu. Each step is the one that `gan_jax.main`
trains with, at full size, for the chips named below. Some presets with the size of their papers are
compiled too; blank images stand for their data. The script compares the compiler's estimates with
benchmarks/tpu.json. It reports an error if a step does not compile, does not fit, or takes over a tenth
more time, cycles or memory than recorded. WRITE=1 replaces the records, and writes benchmarks/TPU.md.
"""

import json
import pathlib
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import documents
import tpu_compiler as compiler
from absl import flags
from tpu_compiler import CHIPS

from gan_jax import cli
from gan_jax.common import lookup

_ONLY = flags.DEFINE_list('only', [], 'Experiments; by default all.')
_WRITE = flags.DEFINE_bool('write', False, 'Replace the records.')
_REQUIREMENT = flags.DEFINE_bool(
  'requirement', False, 'Print the libtpu version that the installed JAX requires.'
)

_HERE = pathlib.Path(__file__).parent
_RECORDS, _TABLE = _HERE / 'tpu.json', _HERE / 'TPU.md'
_WORSE = 1.1
_TITLES = ['experiment', 'chips', 'batch', 'GFLOP', 'MB accessed', 'MB held', 'µs']
_TITLES += ['operations without µs', '1,000 cycles', 'images/s of all chips', 'fraction of peak']
_TITLES += ['collectives', 'MB reduced']


def measure(experiment: str, chips: str) -> dict[str, Any]:
  """Returns the compiler's estimates of a step, for one chip of `chips`."""
  program = compiler.compiled(experiment, CHIPS[chips].topology)
  cost = program.compiled.cost_analysis()
  assert program.chips == CHIPS[chips].count, program.chips
  seconds, unknown = compiler.seconds(program)
  exchanged = [compiler.collectives(program, kind) for kind in compiler.COLLECTIVES]
  return {
    'chips': program.chips,
    'batch': program.batch,
    'flops': cost['flops'],
    'bytes': cost['bytes accessed'],
    'memory': compiler.memory(program),
    'seconds': seconds,
    'unknown': unknown,
    'cycles': compiler.cycles(program),
    'images': program.batch * program.draws / seconds,
    'peak': cost['flops'] / seconds / CHIPS[chips].flops,
    'collectives': sum(map(len, exchanged)),
    'reduced': sum(exchanged[0]),
  }


def _complaints(key: str, now: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
  """Returns the errors of a step."""
  limit = CHIPS[key.split()[1]].memory
  complaints = []
  if now['memory'] > limit:
    complaints.append(f'{key} does not fit: {now["memory"] / 1e9:.1f} of {limit / 1e9:.0f} GB')
  if before is None:
    return [*complaints, f'{key} has no record to compare with; WRITE=1 records it']
  for name in ('seconds', 'cycles', 'memory'):
    if now[name] > _WORSE * before[name]:
      complaints.append(f'{key}: {name} {before[name]:.4g} before, {now[name]:.4g} now')
  return complaints


def _row(key: str, estimates: dict[str, Any]) -> str:
  cells = (
    *key.split(),
    f'{estimates["batch"]}',
    f'{estimates["flops"] / 1e9:.2f}',
    f'{estimates["bytes"] / 1e6:.0f}',
    f'{estimates["memory"] / 1e6:.0f}',
    f'{estimates["seconds"] * 1e6:.0f}',
    f'{estimates["unknown"]}',
    f'{estimates["cycles"] / 1e3:.0f}',
    f'{estimates["images"]:,.0f}',
    f'{estimates["peak"]:.1%}',
    f'{estimates["collectives"]}',
    f'{estimates["reduced"] / 1e6:.2f}',
  )
  return documents.row(cells)


_ABOUT = """Networks use float32, which XLA multiplies in passes of bfloat16 on TPU.

No TPU ran. Time is the compiler's estimate (`optimal_seconds`), without the host and without waiting,
so it is a lower bound. Values are for one step and one chip; images are the real images that all chips
read. The compiler has no estimate for some operations; their time does not count. Cycles are those of
its schedule, which accounts for data that stays near the arithmetic units, and omits some loops.

MB held is the peak memory of a chip, and MB accessed the sum of all reads and writes. Collectives are
all-reduces, all-gathers and reduce-scatters; MB reduced is the size of the results of all-reduces. A
v5e-8 has eight chips, a v5e-128 has 128, and a v4-8 four with two cores each. A batch that the chips
cannot share evenly is rounded up, for example that of gan from 100 to 104.
"""


def _document(records: dict[str, dict[str, Any]]) -> str:
  sources = [
    f'{name}: {chip.flops / 1e12:.0f} TFLOP/s in bfloat16, {chip.memory / 1e9:.0f} GB ({chip.source})'
    for name, chip in CHIPS.items()
  ]
  versions = f'jax {metadata.version("jax")}, libtpu {metadata.version("libtpu")}'
  return '\n'.join(
    [
      f'# Training steps as estimated by the TPU compiler\n\n`make tpu`: {versions}. {_ABOUT}',
      f'Peak of a chip: {"; ".join(sources)}.',
      '',
      *documents.head(_TITLES),
      *(_row(key, records[key]) for key in sorted(records)),
      '',
    ]
  )


def main(argv: Sequence[str]) -> int:
  """Compiles, compares and prints all steps; returns 1 if there are errors."""
  flags.FLAGS(argv)
  if _REQUIREMENT.value:
    print(compiler.requirement())
    return 0
  targets = compiler.targets()
  chosen = _ONLY.value or targets
  for name in chosen:
    lookup.choose(name, targets)
  jobs = [(name, chips) for name in chosen for chips in targets[name]]
  known = {f'{name} {chips}' for name in targets for chips in targets[name]}
  records = json.loads(_RECORDS.read_text()) if _RECORDS.exists() else {}
  records = {key: record for key, record in records.items() if key in known}
  errors = []
  print('\n'.join(documents.head(_TITLES)), flush=True)
  for job, future in compiler.results(measure, jobs):
    key = ' '.join(job)
    try:
      estimates = future.result()
    # An error of any kind in one step must not hide the other steps.
    except Exception as error:
      errors.append(f'{key} does not compile: {str(error).splitlines()[0]:.300}')
      continue
    print(_row(key, estimates), flush=True)
    errors += _complaints(key, estimates, estimates if _WRITE.value else records.get(key))
    if _WRITE.value:
      records[key] = estimates
      _RECORDS.write_text(json.dumps(records, indent=1, sort_keys=True) + '\n')
      _TABLE.write_text(_document(records))
  for line in errors:
    print(f'error: {line}', file=sys.stderr)
  return int(bool(errors))


if __name__ == '__main__':
  cli.run(main)
