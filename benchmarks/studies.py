"""What ten seeds of an experiment take together, beside one alone.

python benchmarks/studies.py [--config=experiments/gan.py:ring] [--batch_size=100] [--turns=3]

Both as their commands train them, in turns, each in a process of its own: one seed by `gan_jax.main`,
ten by `gan_jax.study`. Prints seconds of training, with pictures and scores and without compilation,
and the median ratio.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import peer_cases
from absl import app, flags

_CONFIG = flags.DEFINE_string('config', 'experiments/gan.py:ring', 'The experiment.')
_BATCH = flags.DEFINE_integer('batch_size', 100, 'Of each seed.')
_STEPS = flags.DEFINE_integer('steps', 10_000, 'Of each seed.')
_TURNS = flags.DEFINE_integer('turns', 3, 'How often each is timed.')
_SEEDS = 10
_ROOT = pathlib.Path(__file__).parent.parent


def _run(*arguments: str) -> None:
  subprocess.run([sys.executable, '-m', *arguments], cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)


def _alone(folder: pathlib.Path) -> float:
  """Seconds that one seed takes."""
  sizes = (f'--config.batch_size={_BATCH.value}', f'--config.steps={_STEPS.value}')
  _run('gan_jax.main', f'--config={_CONFIG.value}', *sizes, f'--workdir={folder}')
  return json.loads((folder / 'metrics.jsonl').read_text().splitlines()[-1])['time']


def _together(folder: pathlib.Path) -> float:
  """Seconds that ten take."""
  sizes = ('--sweep', f'batch_size={_BATCH.value}', '--sweep', f'steps={_STEPS.value}')
  _run('gan_jax.study', f'--config={_CONFIG.value}', f'--seeds={_SEEDS}', *sizes, f'--out={folder}')
  (setting,) = json.loads((folder / 'study.json').read_text())['settings']
  return sum(run['seconds'] for run in setting['runs'])


def main(unused_argv) -> None:
  """Measures and prints."""
  ratios = []
  for turn in range(_TURNS.value):
    with tempfile.TemporaryDirectory() as place:
      one, ten = _alone(pathlib.Path(place) / 'one'), _together(pathlib.Path(place) / 'ten')
    ratios.append(ten / one)
    rates = (_STEPS.value / one, _SEEDS * _STEPS.value / ten)
    print(
      f'turn {turn + 1}: one seed {one:.1f} s, {_SEEDS} seeds {ten:.1f} s, ratio {ten / one:.2f}; '
      f'{rates[0]:,.0f} and {rates[1]:,.0f} steps/s',
      flush=True,
    )
  print(f'{_CONFIG.value}, batch {_BATCH.value}, {_STEPS.value:,} steps; {peer_cases.machine()}')
  print(f'{_SEEDS} seeds take {statistics.median(ratios):.2f} times as long as one')


if __name__ == '__main__':
  app.run(main)
