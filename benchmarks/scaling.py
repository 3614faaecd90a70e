"""Weak scaling on paper: what chips of a TPU pod say to each other in a step, as it is compiled.

make scaling [WRITE=1]

The batch of each chip stays the same, the number of chips grows. Steps are compiled for each number of
chips, on a machine that has none, and the bytes of their collectives divided by the speed of the
interconnect. WRITE=1 puts the table into docs/scaling.md.
"""

import pathlib
import sys
from typing import NamedTuple

import tpu_compiler as compiler
from absl import app, flags

from gan_jax.common import output

_WRITE = flags.DEFINE_bool('write', False, 'Put the table into docs/scaling.md.')

_PAGE = pathlib.Path(__file__).parent.parent / 'docs' / 'scaling.md'
_BEGIN, _END = '<!-- table -->', '<!-- end of table -->'
_SLICES = {8: 'v5e:2x4', 64: 'v5e:8x8', 256: 'v5e:16x16'}
"""{chips: the topology that has them}."""
_PER_CHIP = 16
# 400 GB/s in both directions of all links of a chip (https://cloud.google.com/tpu/docs/v5e).
_SENT = 400e9 / 2
"""Bytes a second that a chip can send."""

_LARGE = {'data.size': 64, 'data.channels': 3, 'networks.generator.width': 128}
_CASES = {
  'dcgan': ('dcgan', {}),
  'dcgan 64 x 64 x 3, width 128': ('dcgan', _LARGE),
  'dcgan, batch statistics per device': ('dcgan', {'batch_statistics': 'device'}),
  'wgan_gp': ('wgan_gp', {}),
  'mmd_gan': ('mmd_gan', {}),
}


class Found(NamedTuple):
  """A compiled step: its chips, what the compiler expects it to take, and bytes of collectives.

  They are those of the whole: of what is scattered a chip is left with one in `chips`.
  """

  chips: int
  seconds: float
  reduced: list[int]
  gathered: list[int]
  scattered: list[int]

  def on_the_way(self) -> float:
    """Seconds that a chip needs to send its part of all collectives: of rings, the quickest there are.

    An all-reduce of n bytes sends 2 (c - 1) / c n of each of c chips, an all-gather or a reduce-scatter
    half of that.
    """
    share = (self.chips - 1) / self.chips
    return share * (2 * sum(self.reduced) + sum(self.gathered) + sum(self.scattered)) / _SENT


def measure(case: str, chips: int) -> Found:
  """What the compiler says of a step."""
  experiment, changes = _CASES[case]
  program = compiler.compiled(experiment, (_SLICES[chips], None), changes, _PER_CHIP)
  reduced, gathered, parts = (compiler.collectives(program, kind) for kind in compiler.COLLECTIVES)
  scattered = [program.chips * part for part in parts]
  return Found(program.chips, compiler.seconds(program)[0], reduced, gathered, scattered)


def _row(case: str, few: Found, found: Found) -> str:
  way = found.on_the_way()
  cells = (
    case,
    f'{found.chips}',
    f'{_PER_CHIP * found.chips:,}',
    f'{found.seconds * 1e6:.0f}',
    f'{len(found.reduced)} + {len(found.gathered)} + {len(found.scattered)}',
    f'{sum(found.reduced) / 1e6:.2f}',
    f'{sum(found.gathered) / 1e6:.2f}',
    f'{sum(found.scattered) / 1e6:.2f}',
    f'{way * 1e6:.0f}',
    f'{(few.seconds + few.on_the_way()) / (found.seconds + way):.0%}',
  )
  return '| ' + ' | '.join(cells) + ' |'


def main(unused_argv) -> None:
  """Compiles, prints."""
  head = (
    'experiment',
    'chips',
    'batch',
    'µs of a step',
    'all-reduces + all-gathers + reduce-scatters',
    'MB reduced',
    'MB gathered',
    'MB scattered',
    'µs on the way',
    'efficiency',
  )
  lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head))]
  found = {}
  for job, future in compiler.results(measure, [(case, chips) for case in _CASES for chips in _SLICES]):
    if future.exception():
      print(f'error: {job}: {future.exception()}', file=sys.stderr, flush=True)
      continue
    found[job] = future.result()
    print(*job, f'{found[job].seconds * 1e6:.0f} µs', flush=True)
  if len(found) < len(_CASES) * len(_SLICES):
    sys.exit(1)
  few = min(_SLICES)
  lines += [_row(case, found[case, few], found[case, chips]) for case in _CASES for chips in _SLICES]
  table = '\n'.join(lines)
  print(table)
  if _WRITE.value:
    before, _, rest = _PAGE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    _PAGE.write_text(f'{before}{_BEGIN}\n\n{table}\n\n{_END}{after}')


if __name__ == '__main__':
  output.protect()
  app.run(main)
