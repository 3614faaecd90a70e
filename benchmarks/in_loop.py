"""Measures the fraction of a run's time that evaluation during training takes.

python benchmarks/in_loop.py [--config=experiments/dcgan.py]

The script trains with the settings of an experiment for a while, and evaluates as its config says. It
prints seconds per step and per evaluation (after compilation, the median of several). It also prints
the fraction of time for evaluation in a run with its `evaluate_every`.
"""

import statistics
import time
from collections.abc import Callable

import jax
from absl import app, flags
from ml_collections import config_flags

from gan_jax.common import output
from gan_jax.config import schema
from gan_jax.config.run_config import parse
from gan_jax.run import in_loop_evaluation, setup
from gan_jax.runtime import devices

_CONFIG = config_flags.DEFINE_config_file('config', 'experiments/dcgan.py')
_REPEATS = flags.DEFINE_integer('repeats', 5, 'Number of timings.')
_STEPS = 50


def _seconds(work: Callable[[], None]) -> list[float]:
  """Returns the seconds of each repetition after one that does not count."""
  seconds = []
  for _ in range(_REPEATS.value + 1):
    start = time.perf_counter()
    work()
    seconds.append(time.perf_counter() - start)
  return seconds[1:]


def main(unused_argv) -> None:
  """Measures and prints."""
  config = schema.plain(_CONFIG.value)
  schema.check(config, devices.device_count())
  parts = parse(config)
  built = setup.assemble_run(parts)
  evaluate = in_loop_evaluation.in_loop_evaluator(
    parts.evaluation, parts.data, parts.updates.weights, built.game, built.source
  )
  call = devices.Program(setup.make_call(built), options=config['compiler_options'])
  feed = devices.shard_batch(built.source.arrays, config['batch_size'])
  state = devices.replicate(setup.initial_state(built))

  def train() -> None:
    nonlocal state
    for _ in range(_STEPS // config['steps_per_call']):
      state, metrics = call(state, feed)
      jax.block_until_ready(metrics)

  per_step = statistics.median(_seconds(train)) / _STEPS
  per_evaluation = statistics.median(_seconds(lambda: evaluate(state, 0)))
  every, num = config['evaluate_every'], config['evaluate']['num']
  fraction = per_evaluation / (every * per_step)
  print(f'step: {per_step:.4f} s; evaluation of {num:,} samples: {per_evaluation:.2f} s')
  print(f'an evaluation every {every:,} steps takes {fraction:.2%} of the training time')


if __name__ == '__main__':
  output.protect()
  app.run(main)
