"""Lists the experiments and their presets: gan-jax list.

Each experiment has one line, from the docstring of its file, and the words of presets that only it
knows. JAX is not imported.
"""

from collections.abc import Iterable, Sequence

from gan_jax import cli
from gan_jax.config import experiments, presets

_SHARED = {
  'images': presets.IMAGES,
  'points': presets.POINTS,
  'protocols of papers, for points': presets.PROTOCOLS,
  'length': ('test',),
}
"""{kind of data or of change: the words of presets that all experiments know}."""


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  cli.parse(cli.new_flags(__doc__), argv)
  files = experiments.shipped()
  print('experiments, for --config=NAME[:preset]\n')
  _print_columns((name, _described(experiments.summary(file))) for name, file in files.items())
  print("\npresets: words joined by '-', as in dcgan:ring-test\n")
  _print_columns((kind, ', '.join(words)) for kind, words in _SHARED.items())
  return 0


def _described(summary: experiments.Summary) -> str:
  title = summary.title.rstrip('.')
  return f'{title}; presets: {", ".join(summary.words)}' if summary.words else title


def _print_columns(rows: Iterable[tuple[str, str]]) -> None:
  rows = list(rows)
  width = max(len(left) for left, _ in rows)
  for left, right in rows:
    print(f'  {left:{width}}  {right}')
