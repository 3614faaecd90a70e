"""Compares training steps with PyTorch's, for the same games.

make bench, or python benchmarks/peers.py --peer=<python with torch> [--cases=dcgan28,mlp]

Each side runs in a separate process. The sides alternate in short turns, A B A B, so that the machine
is about equally fast for both; a side is paused during the turns of the other. Turns go on for at least
a minute. The layout of torch with the best median in the first turns is used. OpenMP waits in its
default way: with passive waiting, torch is up to three times slower. Both sides allocate memory as
described in `runtime.environment`.

In each turn, products of large matrices measure the current peak of the machine. The fraction of that
peak counts the operations of the direct algorithm, so an algorithm with fewer operations can exceed
100 %.

The table has images per second, the median ratio of turns, the fractions of the peak, and resident
memory. It also has the seconds from the start of a process to its second step, ours without and with a
compilation cache. The script prints it, and writes it to benchmarks/RESULTS.md.
"""

import contextlib
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping

from absl import app, flags

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import documents
from peer_cases import CASES, Case, machine
from sides import Side

from gan_jax.common import output
from gan_jax.runtime.environment import cores

_HERE = pathlib.Path(__file__).parent
_PEER = flags.DEFINE_string('peer', sys.executable, 'A Python that has torch.')
_CASES = flags.DEFINE_list('cases', list(CASES), 'Cases to measure.')
_LAYOUTS = flags.DEFINE_list(
  'layouts', ['contiguous', 'channels_last', 'compile'], 'Layouts of torch; compile is torch.compile.'
)
_TURNS = flags.DEFINE_integer('turns', 15, 'Least number of turns of each side.')
_SECONDS = flags.DEFINE_float('seconds', 0.75, 'Approximate length of a turn; at least three steps.')
_LEAST = flags.DEFINE_float('least', 60, 'Least total of seconds of the turns after the trials.')
_OUT = flags.DEFINE_string('out', str(_HERE / 'RESULTS.md'), 'Output document.')

_TRIALS = 3
"""Number of turns with all layouts."""

HEAD = ['case', 'ours, images/s', 'PyTorch, images/s', 'its layout', 'ratio', 'quartiles', 'turns']
HEAD += ['fraction of peak: ours', 'PyTorch', 'memory, MB: ours', 'PyTorch']
HEAD += ['start, s: ours, cold', 'warm', 'PyTorch']


LEGEND = """\
A case is a game of `peer_cases.py`. `mlp` has dense networks on images, `dcgan` is DCGAN at the given
image size, and `wgan_gp` is WGAN-GP with five critic updates per step. `sngan` has the residual
networks of SNGAN in their published widths, at batch size 16. `plane` has dense networks on points of
the plane, at the given batch size.

The two sides alternate. The ratio is PyTorch's time over ours, the median over turns, with its
quartiles and the number of turns. It is therefore not the quotient of the columns before it. The
quartiles differ because the speed of the machine changes.

The peak is the speed of products of large matrices in the same turn. Operations are those of the
direct algorithm, so an algorithm with fewer can exceed 100 %. A start is from the command to the end of
the second step; cold means with an empty compilation cache."""


@contextlib.contextmanager
def _sides(name: str) -> Iterator[tuple[dict[str, Side], float]]:
  """Yields the sides of a case, and the seconds that ours takes to start with an empty cache."""
  threads = str(cores())
  case = CASES[name]
  # Points have no channels. Compiled torch modules cannot be differentiated twice. Their spectral norm
  # overwrites, in the pass of fakes, a vector that the gradient of the pass of reals needs.
  possible = {
    'channels_last': case.kind != 'dense',
    'compile': case.critic == 1 and case.kind != 'resnet',
  }
  layouts = [layout for layout in _LAYOUTS.value if possible.get(layout, True)]
  commands = {
    'ours': [sys.executable, str(_HERE / 'peer_ours.py'), name],
    'peak': [sys.executable, str(_HERE / 'peer_peak.py')],
  } | {layout: [_PEER.value, str(_HERE / 'peer_torch.py'), name, layout, threads] for layout in layouts}
  with contextlib.ExitStack() as stack:
    cache = stack.enter_context(tempfile.TemporaryDirectory())
    with contextlib.closing(Side(commands['ours'], cache, _SECONDS.value)) as first:
      cold = first.start
    yield (
      {
        key: stack.enter_context(contextlib.closing(Side(command, cache, _SECONDS.value)))
        for key, command in commands.items()
      },
      cold,
    )


def measure(name: str) -> list[str]:
  """Returns the row of a case."""
  with _sides(name) as (sides, cold):
    turns = [_turn(sides) for _ in range(_TRIALS)]
    best = min(sides.keys() - {'ours', 'peak'}, key=lambda key: _median(turns, key))
    compared = {key: sides[key] for key in ('ours', best, 'peak')}
    end = time.perf_counter() + _LEAST.value
    while len(turns) < _TURNS.value or time.perf_counter() < end:
      turns.append(_turn(compared))
  row = _row(name, CASES[name], turns, best)
  ours, peer, peak = compared.values()
  products = max(side.operations for side in sides.values() if side is not peak) / peak.operations
  for key in ('ours', best):
    row.append(f'{statistics.median(products * turn["peak"] / turn[key] for turn in turns):.0%}')
  memory = [f'{side.memory:,.0f}' for side in (ours, peer)]
  return [*row, *memory, *(f'{seconds:.1f}' for seconds in (cold, ours.start, peer.start))]


def _turn(sides: Mapping[str, Side]) -> dict[str, float]:
  return {key: side.seconds() for key, side in sides.items()}


def _median(turns: list[Mapping[str, float]], key: str) -> float:
  return statistics.median(turn[key] for turn in turns)


def _row(name: str, case: Case, turns: list[Mapping[str, float]], best: str) -> list[str]:
  low, middle, high = statistics.quantiles((turn[best] / turn['ours'] for turn in turns), n=4)
  speed = lambda key: f'{case.batch * case.critic / _median(turns, key):,.0f}'
  ratio = [f'{middle:.2f}', f'{low:.2f} to {high:.2f}', str(len(turns))]
  return [name, speed('ours'), speed(best), best, *ratio]


def _torch_version() -> str:
  command = [_PEER.value, '-c', 'import torch; print(torch.__version__)']
  return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main(unused_argv) -> None:
  """Measures, prints and writes the table."""
  turns = f'float32, turns of {_SECONDS.value:g} seconds or at least three steps'
  settings = f'`make bench`: {machine()}, torch {_torch_version()}; {turns}.'
  lines = ['# Training steps compared with PyTorch', '', settings, '', LEGEND, '']
  lines += documents.head(HEAD)
  print('\n'.join(lines), flush=True)
  for name in _CASES.value:
    lines.append(documents.row(measure(name)))
    print(lines[-1], flush=True)
    pathlib.Path(_OUT.value).write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
  output.protect()
  app.run(main)
