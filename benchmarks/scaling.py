"""Weak scaling by the compiler: the communication of the chips of a TPU pod in a compiled step.

make scaling [WRITE=1]

The batch per chip is fixed, and the number of chips grows. Steps are compiled for each number of chips
on a machine without TPUs. The bytes of their collectives are divided by the speed of the interconnect.
WRITE=1 writes the table to docs/scaling.md.
"""

import pathlib
import sys
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import documents
import tpu_compiler as compiler
from absl import app, flags

from gan_jax.common import output

_WRITE = flags.DEFINE_bool('write', False, 'Write the table to docs/scaling.md.')

_PAGE = pathlib.Path(__file__).parent.parent / 'docs' / 'scaling.md'
_SLICES = {8: 'v5e:2x4', 64: 'v5e:8x8', 256: 'v5e:16x16'}
"""{chips: the topology with that number}."""
_PER_CHIP = 16
# 400 GB/s in both directions of all links of a chip (https://cloud.google.com/tpu/docs/v5e).
_SEND_RATE = 400e9 / 2
"""Bytes per second that a chip can send."""

_LARGE = {'data.size': 64, 'data.channels': 3, 'networks.generator.width': 128}
_CASES = {
  'dcgan': ('dcgan', {}),
  'dcgan 64 x 64 x 3, width 128': ('dcgan', _LARGE),
  'dcgan, batch statistics per device': ('dcgan', {'batch_statistics': 'device'}),
  'wgan_gp': ('wgan_gp', {}),
  'mmd_gan': ('mmd_gan', {}),
}


class Step(NamedTuple):
  """A compiled step: its chips, its time as estimated by the compiler, and the bytes of collectives.

  Bytes are those of the full arrays; after a reduce-scatter each chip has one of `chips` equal chunks.
  """

  chips: int
  seconds: float
  reduced: list[int]
  gathered: list[int]
  scattered: list[int]

  def communication(self) -> float:
    """Returns the seconds in which a chip sends its data for all collectives, in rings.

    Rings are the fastest way. In an all-reduce of n bytes each of c chips sends 2 (c - 1) / c n bytes;
    in an all-gather or a reduce-scatter half of that.
    """
    fraction = (self.chips - 1) / self.chips
    return fraction * (2 * sum(self.reduced) + sum(self.gathered) + sum(self.scattered)) / _SEND_RATE


def measure(case: str, chips: int) -> Step:
  """Returns the compiler's estimates of a step."""
  experiment, changes = _CASES[case]
  program = compiler.compiled(experiment, (_SLICES[chips], None), changes, _PER_CHIP)
  reduced, gathered, chunks = (compiler.collectives(program, kind) for kind in compiler.COLLECTIVES)
  scattered = [program.chips * chunk for chunk in chunks]
  return Step(program.chips, compiler.seconds(program)[0], reduced, gathered, scattered)


def _row(case: str, smallest: Step, step: Step) -> str:
  communication = step.communication()
  cells = (
    case,
    f'{step.chips}',
    f'{_PER_CHIP * step.chips:,}',
    f'{step.seconds * 1e6:.0f}',
    f'{len(step.reduced)} + {len(step.gathered)} + {len(step.scattered)}',
    f'{sum(step.reduced) / 1e6:.2f}',
    f'{sum(step.gathered) / 1e6:.2f}',
    f'{sum(step.scattered) / 1e6:.2f}',
    f'{communication * 1e6:.0f}',
    f'{(smallest.seconds + smallest.communication()) / (step.seconds + communication):.0%}',
  )
  return documents.row(cells)


def main(unused_argv) -> None:
  """Compiles all steps, and prints the table."""
  titles = ['experiment', 'chips', 'batch', 'µs of a step']
  titles += ['all-reduces + all-gathers + reduce-scatters', 'MB reduced', 'MB gathered', 'MB scattered']
  titles += ['µs of communication', 'efficiency']
  steps = {}
  for job, future in compiler.results(measure, [(case, chips) for case in _CASES for chips in _SLICES]):
    if future.exception():
      print(f'error: {job}: {future.exception()}', file=sys.stderr, flush=True)
      continue
    steps[job] = future.result()
    print(*job, f'{steps[job].seconds * 1e6:.0f} µs', flush=True)
  if len(steps) < len(_CASES) * len(_SLICES):
    sys.exit(1)
  fewest = min(_SLICES)
  rows = [_row(case, steps[case, fewest], steps[case, chips]) for case in _CASES for chips in _SLICES]
  table = '\n'.join([*documents.head(titles), *rows])
  print(table)
  if _WRITE.value:
    documents.write_table(_PAGE, table)


if __name__ == '__main__':
  output.protect()
  app.run(main)
