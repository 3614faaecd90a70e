"""What scoring in the loop costs: the share of a run's time that goes into it.

python benchmarks/in_loop.py [--config=experiments/dcgan.py]

Trains with the settings of an experiment for a while, scores as its config says, and prints seconds
a step, seconds a scoring (after compilation, the median of several), and the share that scoring has of
a run with its `evaluate_every`.
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
_REPEATS = flags.DEFINE_integer('repeats', 5, 'How often each is timed.')
_STEPS = 50


def _seconds(work: Callable[[], None]) -> list[float]:
  """Of each repetition after one that is not counted."""
  found = []
  for _ in range(_REPEATS.value + 1):
    began = time.perf_counter()
    work()
    found.append(time.perf_counter() - began)
  return found[1:]


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

  a_step = statistics.median(_seconds(train)) / _STEPS
  a_scoring = statistics.median(_seconds(lambda: evaluate(state, 0)))
  every, num = config['evaluate_every'], config['evaluate']['num']
  share = a_scoring / (every * a_step)
  print(f'a step: {a_step:.4f} s; scoring {num:,} samples: {a_scoring:.2f} s')
  print(f'every {every:,} steps that is {share:.2%} of the time of training')


if __name__ == '__main__':
  output.protect()
  app.run(main)
