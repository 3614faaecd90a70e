"""Runs of two processes: one run, one word, and what is left when one of them dies."""

import random
import re
import signal
import time

import numpy as np
import pytest

from gan_jax.storage import workdir
from helpers.commands import command, finish, start
from helpers.runs import GAN, LONG, arrays, assert_same_run, free_port, lines, until


def two_processes(folder, *flags, of_second=()):
  """Two processes of two devices each; flags of the second alone come last."""
  shared = (f'--coordinator=127.0.0.1:{free_port()}', '--num_processes=2', f'--workdir={folder}')
  own = ((), of_second)
  # The second compiles at every start.
  settings = {'devices': 2, 'emitters': False}
  return [start(GAN, *flags, *shared, f'--process_id={i}', *own[i], **settings) for i in range(2)]


# In one worker, so that the run is made once.
of_two = pytest.mark.xdist_group('two processes')

# Adam makes some part of a step of the rounding errors of a gradient near 0, so steps are small.
GENTLY = tuple(f'--config.players.{p}.learning_rate=5e-5' for p in ('generator', 'discriminator'))


@pytest.fixture(scope='module')
def shared_run(tmp_path_factory):
  """The folder of a run of two processes, stopped at step 4, and gone on with from the disk."""
  folder = tmp_path_factory.mktemp('shared')
  for flags in (['--config.steps=4'], ['--config.placement=stream']):
    first, second = map(finish, two_processes(folder, *flags, *GENTLY))
    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert 'step' not in second.stdout
  return folder


@of_two
def test_two_processes_match_a_single_process(tmp_path, shared_run):
  done = command(GAN, *GENTLY, f'--workdir={tmp_path}', devices=4)
  assert done.returncode == 0, done.stderr
  a, b = arrays(tmp_path, 8), arrays(shared_run, 8)
  assert a.keys() == b.keys()
  for name in a:
    # The two sum over devices in another order.
    np.testing.assert_allclose(a[name], b[name], rtol=1e-3, atol=1e-5, err_msg=name)
  for one, two in zip(lines(tmp_path), lines(shared_run), strict=True):
    assert one == pytest.approx(two, rel=1e-4)


@pytest.mark.parametrize(
  ('flag', 'what'),
  [
    ('--config.seed=5', 'the processes have different configs'),
    ('--workdir={}', 'see different folders'),
  ],
)
def test_processes_with_different_configs_are_rejected(tmp_path, flag, what):
  of_second = [flag.format(tmp_path / 'other')]
  for done in map(finish, two_processes(tmp_path / 'run', of_second=of_second)):
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert what in done.stderr


@of_two
def test_error_in_one_process_ends_all(shared_run):
  with workdir.locked(shared_run):
    first, second = map(finish, two_processes(shared_run, '--config.steps=16'))
  assert first.returncode == 2, first.stderr
  assert 'is training in this folder' in first.stderr
  assert second.returncode == 2, second.stderr
  assert 'process 0 cannot continue; see its error' in second.stderr


@pytest.mark.slow
@pytest.mark.parametrize('to', [(signal.SIGTERM, [1]), (signal.SIGINT, [0, 1])])
def test_signal_to_one_process_stops_both_at_one_step(tmp_path, to):
  number, receivers = to
  processes = two_processes(tmp_path, '--config.steps=1000000')
  until(processes[0], '^step 4/')
  for receiver in receivers:
    processes[receiver].send_signal(number)
  first, second = map(finish, processes)
  code = 130 if number == signal.SIGINT else 0
  assert first.returncode == code, first.stderr
  assert second.returncode == code, second.stderr
  step = int(re.search(rf'{number.name}: saved \S+ at (\d+) of', first.stdout)[1])
  assert arrays(tmp_path, step)['step'] == step


def assert_both_end(processes):
  for done in map(finish, processes):
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@of_two
def test_killed_process_ends_the_other_and_both_resume_bit_identically(tmp_path):
  killed, whole = tmp_path / 'killed', tmp_path / 'whole'
  chance = random.Random()
  for victim in (1, 0):
    processes = two_processes(killed, *LONG)
    until(processes[0], f'^step {chance.randrange(2, 10) * 2}/' if victim else '^step ')
    processes[victim].kill()
    begun = time.monotonic()
    other = finish(processes[1 - victim])
    assert time.monotonic() - begun < 15
    assert other.returncode not in (0, -signal.SIGKILL)
    said = other.stderr.strip().splitlines()
    assert said == [
      'error: another process of this run has ended or cannot be reached; start all of them again: '
      'they continue from the last checkpoint'
    ]
    finish(processes[victim])
  assert_both_end(two_processes(killed, *LONG))
  assert_both_end(two_processes(whole, *LONG))
  assert_same_run(killed, whole, 60)
