"""A game with labels, schedules and recorded examples resumes bit for bit, also after a kill."""

import json
import signal

import jax
import numpy as np
import pytest

import gan_jax
from gan_jax import testing
from gan_jax.common import extensions
from gan_jax.config import schema
from gan_jax.runtime import devices
from gan_jax.storage import checkpoints
from helpers import toy_pool
from helpers.commands import command, finish, start
from helpers.runs import arrays, assert_same_arrays, assert_same_run, lines, until

STEPS = 80
RUN = (
  '--extend=helpers.toy_pool',
  '--config=tests/helpers/toy_pool.py',
  f'--config.steps={STEPS}',
  '--config.sample_every=20',
  '--config.checkpoint_every=20',
)


def to_arrays(state):
  return checkpoints.to_arrays(devices.local(state))


@pytest.fixture(scope='module')
def subject():
  with extensions.restored():
    gan_jax.extend(toy_pool)
    return testing.Subject(json.loads(json.dumps(schema.plain(toy_pool.get_config()))))


def test_pool_resumed_from_a_checkpoint_is_bit_identical(subject):
  whole, metrics = subject.train(4)
  half, _ = subject.train(2)
  like = jax.eval_shape(subject.start)
  resumed, rest = subject.train(2, state=checkpoints.from_arrays(to_arrays(half), like))
  wanted = to_arrays(whole)
  assert_same_arrays(to_arrays(resumed), wanted)
  assert_same_arrays(rest, {name: values[len(values) // 2 :] for name, values in metrics.items()})
  # Fakes with labels fill the pool, and the discriminator's loss follows.
  assert np.abs(wanted['memory.examples']).max(axis=(1, 2, 3)).astype(bool).sum() > toy_pool.POOL / 2
  assert len(set(wanted['memory.label'].tolist())) > 3
  assert len(set(metrics['discriminator/pool_loss'].tolist())) == len(metrics['generator/loss'])


def test_pool_without_its_memory_does_not_resume_identically(subject):
  whole, _ = subject.train(2)
  half, _ = subject.train(1)
  empty = jax.tree.map(np.zeros_like, half.memory)
  other, _ = subject.train(1, state=devices.local(half).replace(memory=empty))
  name = next(name for name in to_arrays(whole) if name.startswith('variables.params.discriminator'))
  assert (to_arrays(whole)[name] != to_arrays(other)[name]).any()


@pytest.mark.slow
def test_killed_run_with_a_pool_labels_and_schedules_resumes_bit_identically(tmp_path):
  killed, whole = tmp_path / 'killed', tmp_path / 'whole'
  process = start(*RUN, f'--workdir={killed}')
  until(process, '^step 46/')
  process.kill()
  assert finish(process).returncode == -signal.SIGKILL
  for folder in (killed, whole):
    done = command(*RUN, f'--workdir={folder}')
    assert done.returncode == 0, done.stderr
  assert_same_run(killed, whole, STEPS)
  parts = {name.partition('.')[0] for name in arrays(whole, STEPS)}
  assert {'variables', 'opt', 'ema', 'memory'} <= parts
  last = lines(whole)[-1]
  assert last['discriminator/b2'] == pytest.approx(0.99)
  assert last['discriminator/pool_loss'] > 0
