"""Training steps beside PyTorch's, of the same games.

make bench, or python benchmarks/peers.py --peer=<python with torch> [--cases=dcgan28,mlp]

Sides live in processes of their own, stopped while another has its turn, and take turns, A B A B, so
short that the machine is about the same in both, as many as a minute has. Of torch's layouts the one
with the best median of the first turns stays. OpenMP waits as it does by default: told to wait
passively, torch is up to three times slower. Both take memory as `runtime.environment` says. In each
turn products of large matrices show what the machine can do just then; a side's share of that peak
counts the operations of the direct algorithm, so one that needs fewer may have more than all of it.

The table has images a second, the median of the ratios of turns, the shares of the peak, resident
memory, and the seconds from a process's start to its second step (ours with nothing compiled before,
and again). It is printed, and written to benchmarks/RESULTS.md.
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

from peer_cases import CASES, Case, machine
from sides import Side

from gan_jax.common import output
from gan_jax.runtime.environment import cores

_HERE = pathlib.Path(__file__).parent
_PEER = flags.DEFINE_string('peer', sys.executable, 'A Python that has torch.')
_CASES = flags.DEFINE_list('cases', list(CASES), 'Which.')
_LAYOUTS = flags.DEFINE_list(
  'layouts', ['contiguous', 'channels_last', 'compile'], 'Of torch; compile is torch.compile.'
)
_TURNS = flags.DEFINE_integer(
  'turns', 15, 'Of each side at the least; of layouts that do not stay, fewer.'
)
_SECONDS = flags.DEFINE_float('seconds', 0.75, 'Of a turn, about; three steps at the least.')
_LEAST = flags.DEFINE_float('least', 60, 'Seconds of the turns after the trials, at the least.')
_OUT = flags.DEFINE_string('out', str(_HERE / 'RESULTS.md'), 'The document.')

_TRIALS = 3
"""Turns of all layouts."""

HEAD = ['case', 'ours, images/s', 'PyTorch, images/s', 'its layout', 'ratio', 'quartiles', 'turns']
HEAD += ['share of peak: ours', 'PyTorch', 'memory, MB: ours', 'PyTorch']
HEAD += ['start, s: ours, cold', 'warm', 'PyTorch']


LEGEND = """\
A case is a game of `peer_cases.py`: dense networks on images (mlp), DCGAN of a size, WGAN-GP with
five updates of the critic a step, and dense networks on points of the plane at batch 512 and 100.
The two sides take turns; the ratio is the median of those of each turn (their quartiles and number
beside it), PyTorch's time over ours, and so no quotient of the columns before it. What lies between
the quartiles is of a machine whose speed changes. The peak is what products of large matrices reach
in the same turn. Operations are counted as the direct algorithm has them, so that one that needs
fewer may have more than all of it. A start is from the command to the end of the second step, cold
with nothing compiled before."""


@contextlib.contextmanager
def _sides(name: str) -> Iterator[tuple[dict[str, Side], float]]:
  """The sides of a case, and how long ours took to start with nothing compiled before."""
  threads = str(cores())
  case = CASES[name]
  # Points have no channels, and what torch.compile makes cannot be differentiated twice.
  possible = {'channels_last': case.kind == 'dcgan', 'compile': case.critic == 1}
  layouts = [layout for layout in _LAYOUTS.value if possible.get(layout, True)]
  commands = {
    'ours': [sys.executable, str(_HERE / 'peer_ours.py'), name],
    'peak': [sys.executable, str(_HERE / 'peer_peak.py')],
  } | {layout: [_PEER.value, str(_HERE / 'peer_torch.py'), name, layout, threads] for layout in layouts}
  with contextlib.ExitStack() as held:
    cache = held.enter_context(tempfile.TemporaryDirectory())
    with contextlib.closing(Side(commands['ours'], cache, _SECONDS.value)) as first:
      cold = first.start
    yield (
      {
        key: held.enter_context(contextlib.closing(Side(command, cache, _SECONDS.value)))
        for key, command in commands.items()
      },
      cold,
    )


def measure(name: str) -> list[str]:
  """The row of a case."""
  with _sides(name) as (sides, cold):
    turns = [_turn(sides) for _ in range(_TRIALS)]
    best = min(sides.keys() - {'ours', 'peak'}, key=lambda key: _median(turns, key))
    stay = {key: sides[key] for key in ('ours', best, 'peak')}
    end = time.perf_counter() + _LEAST.value
    while len(turns) < _TURNS.value or time.perf_counter() < end:
      turns.append(_turn(stay))
  row = _row(name, CASES[name], turns, best)
  ours, peer, peak = stay.values()
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
  """Measures, prints and writes."""
  how = f'float32, turns of {_SECONDS.value:g} seconds, three steps at the least'
  said = f'`make bench`: {machine()}, torch {_torch_version()}; {how}.'
  lines = ['# Training steps beside PyTorch', '', said, '', LEGEND, '']
  lines += ['| ' + ' | '.join(row) + ' |' for row in (HEAD, ['---'] * len(HEAD))]
  print('\n'.join(lines), flush=True)
  for name in _CASES.value:
    lines.append('| ' + ' | '.join(measure(name)) + ' |')
    print(lines[-1], flush=True)
    pathlib.Path(_OUT.value).write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
  output.protect()
  app.run(main)
