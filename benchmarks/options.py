"""Measures the cost or gain of training options: python benchmarks/options.py [--turns=15].

Each row compares a case of `benchmarks/peers.py` with and without an option. The two sides alternate,
each in a separate process. The script prints the median ratio of their times with its quartiles, and
the memory of both. A ratio above 1 means that the option makes steps slower.
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
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import documents
from peer_cases import CASES, machine
from sides import TUNED, Side

from gan_jax.common import output
from gan_jax.runtime.environment import SWITCH, TUNABLES

_TURNS = flags.DEFINE_integer('turns', 15, 'Turns of each side; at least two.', lower_bound=2)
_SECONDS = 1.5


class Option(NamedTuple):
  """A row: a case, and the settings of the option.

  Attributes:
    case: name of a case of `peer_cases`.
    settings: KEY=JSON of the config.
    environment: environment variables of the process.
  """

  case: str
  settings: tuple[str, ...] = ()
  environment: Mapping[str, str] = TUNED

  def __str__(self) -> str:
    """Returns the settings, or else the environment variables."""
    return ', '.join(self.settings or (f'{key}={value}' for key, value in self.environment.items()))


OPTIONS = (
  *(Option(case, environment={SWITCH: '0'}) for case in CASES),
  # The default of this case is 2.
  Option('mlp', ('scan_unroll=1',)),
  Option('plane100', ('scan_unroll=2',)),
  Option('dcgan64', ('remat=["generator", "discriminator"]',)),
)


@contextlib.contextmanager
def _sides(option: Option) -> Iterator[tuple[Side, Side]]:
  """Yields the case with the option, and without it."""
  command = [sys.executable, str(pathlib.Path(__file__).parent / 'peer_ours.py'), option.case]
  with tempfile.TemporaryDirectory() as cache, contextlib.ExitStack() as stack:
    start = lambda *arguments: stack.enter_context(contextlib.closing(Side(*arguments)))
    yield (
      start([*command, *option.settings], cache, _SECONDS, option.environment),
      start(command, cache, _SECONDS),
    )


def row(option: Option) -> list[str]:
  """Measures a row of the table."""
  with _sides(option) as (changed, plain):
    ratios = [changed.seconds() / plain.seconds() for _ in range(_TURNS.value)]
    memory = [f'{side.memory:,.0f}' for side in (changed, plain)]
  low, middle, high = statistics.quantiles(ratios, n=4)
  return [option.case, str(option), f'{middle:.2f}', f'{low:.2f} to {high:.2f}', *memory]


def main(unused_argv) -> None:
  """Measures and prints."""
  for name in (SWITCH, TUNABLES):
    # Otherwise both sides would inherit the setting.
    os.environ.pop(name, None)
  print(f'`make benchmark-options`: {machine()}, {_TURNS.value} turns of {_SECONDS} s\n')
  titles = ['case', 'option', 'time', 'quartiles', 'memory, MB', 'without']
  print('\n'.join(documents.head(titles)), flush=True)
  for option in OPTIONS:
    print(documents.row(row(option)), flush=True)


if __name__ == '__main__':
  output.protect()
  app.run(main)
