"""What options of training take or give: python benchmarks/options.py [--turns=15].

Each row is a case of `benchmarks/peers.py` with an option beside the same without it, in turns, each in
a process of its own. Printed are the median ratio of their times (above 1: steps are slower by the
option) with its quartiles, and the memory of both.
"""

import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from absl import app, flags

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from peer_cases import CASES, machine
from sides import TUNED, Side

from gan_jax.common import output
from gan_jax.runtime.environment import SWITCH, TUNABLES

_TURNS = flags.DEFINE_integer('turns', 15, 'Of both sides; at least two.', lower_bound=2)
_SECONDS = 1.5


class Option(NamedTuple):
  """One row: a case, and what is set for it.

  Attributes:
    case: of `peer_cases`.
    settings: KEY=JSON of the config.
    environment: of the process.
  """

  case: str
  settings: tuple[str, ...] = ()
  environment: Mapping[str, str] = TUNED

  def __str__(self) -> str:
    """For a person."""
    return ', '.join(self.settings or (f'{key}={value}' for key, value in self.environment.items()))


OPTIONS = (
  *(Option(case, environment={SWITCH: '0'}) for case in CASES),
  # It trains with 2.
  Option('mlp', ('scan_unroll=1',)),
  Option('plane100', ('scan_unroll=2',)),
  Option('dcgan64', ('remat=["generator", "discriminator"]',)),
)


@contextlib.contextmanager
def _sides(option: Option) -> Iterator[tuple[Side, Side]]:
  """The case with the option, and as it is."""
  command = [sys.executable, str(pathlib.Path(__file__).parent / 'peer_ours.py'), option.case]
  with tempfile.TemporaryDirectory() as cache, contextlib.ExitStack() as held:
    start = lambda *given: held.enter_context(contextlib.closing(Side(*given)))
    yield (
      start([*command, *option.settings], cache, _SECONDS, option.environment),
      start(command, cache, _SECONDS),
    )


def row(option: Option) -> list[str]:
  """Of the table."""
  with _sides(option) as (changed, plain):
    ratios = [changed.seconds() / plain.seconds() for _ in range(_TURNS.value)]
    memory = [f'{side.memory:,.0f}' for side in (changed, plain)]
  low, middle, high = statistics.quantiles(ratios, n=4)
  return [option.case, str(option), f'{middle:.2f}', f'{low:.2f} to {high:.2f}', *memory]


def main(unused_argv) -> None:
  """Measures and prints."""
  for name in (SWITCH, TUNABLES):
    # Else both sides would have what is set here.
    os.environ.pop(name, None)
  print(f'`make benchmark-options`: {machine()}, {_TURNS.value} turns of {_SECONDS} s\n')
  head = ['case', 'option', 'time', 'quartiles', 'memory, MB', 'without']
  for line in (head, ['---'] * len(head), *map(row, OPTIONS)):
    print('| ' + ' | '.join(line) + ' |', flush=True)


if __name__ == '__main__':
  output.protect()
  app.run(main)
