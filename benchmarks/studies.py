"""Compares the time of ten seeds trained together with the time of one.

python benchmarks/studies.py [--config=experiments/gan.py:ring] [--batch_size=100] [--turns=3]

Both run alternately, each in a separate process: one seed by `gan_jax.main`, ten by `gan_jax.study`.
The script prints seconds of training, with pictures and scores but without compilation, and the median
ratio. It also prints the fraction of the machine's peak on CPU, which products of large matrices
measure in the same turn. It counts the products in the source of a step. XLA removes some of them (a
tenth for gan.py:ring), so the fraction is slightly too high.
"""

import contextlib
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

import jax
import peer_cases
from absl import app, flags
from jax.extend.core import Jaxpr, jaxprs_in_params
from sides import Side

from gan_jax.common import output
from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import devices
from gan_jax.storage import workdir

_CONFIG = flags.DEFINE_string('config', 'experiments/gan.py:ring', 'The experiment.')
_BATCH = flags.DEFINE_integer('batch_size', 100, 'Batch size of each seed.')
_STEPS = flags.DEFINE_integer('steps', 10_000, 'Steps of each seed.')
_TURNS = flags.DEFINE_integer('turns', 3, 'Number of timings.')
_SEEDS = 10
_ROOT = pathlib.Path(__file__).parent.parent


def _run(*arguments: str) -> None:
  subprocess.run([sys.executable, '-m', *arguments], cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)


def _alone(folder: pathlib.Path) -> float:
  """Returns the seconds of one seed."""
  sizes = (f'--config.batch_size={_BATCH.value}', f'--config.steps={_STEPS.value}')
  _run('gan_jax.main', f'--config={_CONFIG.value}', *sizes, f'--workdir={folder}')
  return json.loads((folder / 'metrics.jsonl').read_text().splitlines()[-1])['time']


def _together(folder: pathlib.Path) -> float:
  """Returns the seconds of ten seeds."""
  sizes = ('--sweep', f'batch_size={_BATCH.value}', '--sweep', f'steps={_STEPS.value}')
  _run('gan_jax.study', f'--config={_CONFIG.value}', f'--seeds={_SEEDS}', *sizes, f'--out={folder}')
  (setting,) = json.loads((folder / 'study.json').read_text())['settings']
  return sum(run['seconds'] for run in setting['runs'])


def _operations(folder: pathlib.Path) -> float:
  """Returns the multiplications and additions in the matrix products of a run's step."""
  config = {**workdir.read_config(folder), 'steps_per_call': 1}
  built = setup.assemble_run(parse(config))
  state = jax.eval_shape(lambda: setup.initial_state(built))
  feed = devices.feed_shapes(built.source.arrays, config['batch_size'], 1)
  on_one = jax.vmap(setup.make_call(built), (None, 0), axis_name=devices.AXIS)
  return _products(jax.make_jaxpr(on_one)(state, feed).jaxpr)


def _products(jaxpr: Jaxpr) -> float:
  total = 0.0
  for equation in jaxpr.eqns:
    if equation.primitive.name == 'dot_general':
      (summed, _), _ = equation.params['dimension_numbers']
      left = equation.invars[0].aval.shape
      total += 2 * equation.outvars[0].aval.size * math.prod(left[axis] for axis in summed)
    times = equation.params.get('length', 1)
    total += times * sum(map(_products, jaxprs_in_params(equation.params)))
  return total


def _peak(cache: str) -> float:
  """Returns operations per second, see `peer_peak`."""
  command = [sys.executable, str(_ROOT / 'benchmarks' / 'peer_peak.py')]
  with contextlib.closing(Side(command, cache, seconds=2.0)) as side:
    return side.operations / side.seconds()


def main(unused_argv) -> None:
  """Measures and prints."""
  # The timed processes need the devices.
  jax.config.update('jax_platforms', 'cpu')
  ratios = []
  for turn in range(_TURNS.value):
    with tempfile.TemporaryDirectory() as name:
      folder = pathlib.Path(name)
      one, ten = _alone(folder / 'one'), _together(folder / 'ten')
      shortest = _operations(folder / 'one') / _peak(name)
    ratios.append(ten / one)
    rates = (_STEPS.value / one, _SEEDS * _STEPS.value / ten)
    fractions = [rate * shortest for rate in rates]
    print(
      f'turn {turn + 1}: one seed {one:.1f} s, {_SEEDS} seeds {ten:.1f} s, ratio {ten / one:.2f}; '
      f'{rates[0]:,.0f} and {rates[1]:,.0f} steps/s; '
      f'{fractions[0]:.0%} and {fractions[1]:.0%} of the peak',
      flush=True,
    )
  print(f'{_CONFIG.value}, batch {_BATCH.value}, {_STEPS.value:,} steps; {peer_cases.machine()}')
  print(f'{_SEEDS} seeds take {statistics.median(ratios):.2f} times as long as one')


if __name__ == '__main__':
  output.protect()
  app.run(main)
