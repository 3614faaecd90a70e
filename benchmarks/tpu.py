"""Compiles the train step of every experiment for TPUs, on a machine that has none: make tpu.

make tpu [ONLY=NAME,...] [WRITE=1]

It is the compiler of real TPUs, from the package libtpu, and each step is the one that `gan_jax.main`
trains with, at its full size, for the chips named below. What it says of a step is put beside
benchmarks/tpu.json: a step that does not compile, does not fit, or takes more than a tenth more time,
cycles or memory than there is an error. WRITE=1 replaces what is there by what was found, and writes
benchmarks/TPU.md.
"""

import json
import pathlib
import sys
from importlib import metadata
from typing import Any

import tpu_compiler as compiler
from absl import flags
from tpu_compiler import CHIPS

from gan_jax import cli
from gan_jax.common import lookup

_ONLY = flags.DEFINE_list('only', [], 'Experiments; all if none are named.')
_WRITE = flags.DEFINE_bool('write', False, 'Replace what is noted.')
_REQUIREMENT = flags.DEFINE_bool(
  'requirement', False, 'Print which libtpu belongs to the JAX that is installed.'
)

_HERE = pathlib.Path(__file__).parent
_NOTES, _TABLE = _HERE / 'tpu.json', _HERE / 'TPU.md'
_WORSE = 1.1
_HEAD = (
  'experiment',
  'chips',
  'batch',
  'GFLOP',
  'MB touched',
  'MB held',
  'µs',
  'operations without µs',
  '1,000 cycles',
  'images/s of all chips',
  'share of peak',
  'collectives',
  'MB reduced',
)


def measure(experiment: str, chips: str) -> dict[str, Any]:
  """What the compiler says of a step, for one chip of `chips`."""
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
  """What is wrong with a step."""
  limit = CHIPS[key.split()[1]].memory
  found = []
  if now['memory'] > limit:
    found.append(f'{key} does not fit: {now["memory"] / 1e9:.1f} of {limit / 1e9:.0f} GB')
  if before is None:
    return [*found, f'{key} is not noted, so nothing is compared; WRITE=1 notes it']
  for name in ('seconds', 'cycles', 'memory'):
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
    f'{found["cycles"] / 1e3:.0f}',
    f'{found["images"]:,.0f}',
    f'{found["peak"]:.1%}',
    f'{found["collectives"]}',
    f'{found["reduced"] / 1e6:.2f}',
  )
  return '| ' + ' | '.join(cells) + ' |'


def _head() -> list[str]:
  return ['| ' + ' | '.join(cells) + ' |' for cells in (_HEAD, ['---'] * len(_HEAD))]


_ABOUT = """Networks in float32, which XLA multiplies in passes of bfloat16 on TPU.
No TPU ran: time is what the compiler expects (`optimal_seconds`), without the host and with nothing
waiting, so a bound from below. All is for one step, and for one chip but for the images, which are the
real ones that all chips read. Operations without µs are those that the compiler has no estimate for;
their time is left out. Cycles are those of its schedule, which knows what is kept near the arithmetic,
and has none for some loops. MB held is the most that a chip's memory holds at once, MB touched all that
is read and written. Collectives are all-reduces, all-gathers and reduce-scatters; MB reduced is what
the first give. A v5e-8 is eight chips, a v4-8 four, of two cores each. A batch that they cannot share
evenly is rounded up, as that of gan from 100 to 104.
"""


def _document(notes: dict[str, dict[str, Any]]) -> str:
  sources = [
    f'{name}: {chip.flops / 1e12:.0f} TFLOP/s in bfloat16, {chip.memory / 1e9:.0f} GB ({chip.source})'
    for name, chip in CHIPS.items()
  ]
  versions = f'jax {metadata.version("jax")}, libtpu {metadata.version("libtpu")}'
  return '\n'.join(
    [
      f'# Training steps as the TPU compiler sees them\n\n`make tpu`: {versions}. {_ABOUT}',
      f'A chip has at its best, {"; ".join(sources)}.',
      '',
      *_head(),
      *(_row(key, notes[key]) for key in sorted(notes)),
      '',
    ]
  )


def main() -> int:
  """Compiles, compares, prints; 1 if something is wrong."""
  if _REQUIREMENT.value:
    print(compiler.requirement())
    return 0
  chosen = _ONLY.value or compiler.experiments()
  for name in chosen:
    lookup.choose(name, compiler.experiments())
  jobs = [(name, chips) for chips in CHIPS for name in chosen]
  known = {f'{name} {chips}' for name in compiler.experiments() for chips in CHIPS}
  notes = json.loads(_NOTES.read_text()) if _NOTES.exists() else {}
  notes = {key: noted for key, noted in notes.items() if key in known}
  wrong = []
  print('\n'.join(_head()), flush=True)
  for job, future in compiler.results(measure, jobs):
    key = ' '.join(job)
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
  return int(bool(wrong))


if __name__ == '__main__':
  cli.run(main)
