"""Device memory of a run."""

import collections
import time

import jax
import pytest

from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import processes
from gan_jax.runtime.profiling import Window
from helpers import experiments

GAN = experiments.ROOT / 'experiments' / 'gan.py'
UNLIKE_OTHERS = 111
"""A width of which no test but this one has arrays."""


class Watched(Window):
  """Counts, after each call, the arrays that have the shape of a weight of the generator."""

  def __init__(self, folder):
    super().__init__(float('inf'), 0, folder)
    self.counts = []

  def after(self, step, state):
    held = [a for a in jax.live_arrays() if a.shape == (UNLIKE_OTHERS, 28 * 28)]
    self.counts.append(sum(not array.is_deleted() for array in held))


@pytest.fixture
def config():
  every = dict.fromkeys(('checkpoint_every', 'sample_every', 'evaluate_every'), 3)
  found = experiments.experiment(GAN, steps=6, steps_per_call=1, **every)
  found['networks']['generator']['hidden'] = [UNLIKE_OTHERS]
  return found


def test_device_memory_with_and_without_resume_holds_one_state(tmp_path, config):
  built = setup.assemble_run(parse(config))
  for steps in (3, 6):
    watched = Watched(tmp_path)
    caller = setup.Caller(time.perf_counter(), watched, (), processes.StopRequest())
    calls = setup.calls(parse(config | {'steps': steps}), built, tmp_path, caller)
    # No variable holds the state of the run before.
    collections.deque(calls, maxlen=0)
    # The weight, its average and two moments.
    assert watched.counts == [4, 4, 4]
