"""Any number of devices and processes trains the same model."""

import functools

import jax
import numpy as np
import pytest

from helpers import train_on_devices as devices
from helpers.commands import finish, python
from helpers.runs import free_port

# In one worker, so that the results of one device are computed once.
pytestmark = pytest.mark.xdist_group('devices')


TOLERANCE = 1e-5
"""Largest difference after 20 steps, as a fraction of the distance from the initial parameters.

Sums over the batch are computed in another order. Measured differences are 1e-6.
"""


@functools.cache
def alone(subject):
  """Returns the variables of one device before the first step and after 20 steps."""
  states = devices.states(subject, 1)
  return devices.variables(next(states)), devices.variables(devices.at(states, devices.STEPS))


def assert_agree(subject, variables):
  start, end = alone(subject)
  norm = lambda a, b: np.sqrt(sum(np.square(a[name] - b[name]).sum() for name in end))
  difference = norm(variables, end) / norm(end, start)
  print(f'{subject}: relative difference {difference:.1e}')
  assert difference < TOLERANCE


# The contract test compares the first steps of every experiment on eight devices and one.
@pytest.mark.slow
@pytest.mark.parametrize('count', (2, 4, 8))
@pytest.mark.parametrize('subject', [*devices.SUBJECTS, 'wgan_gp:test', 'mmd_gan:test'])
def test_device_counts_agree_after_20_steps_and_replicas_after_50(subject, count):
  states = devices.states(subject, count)
  assert_agree(subject, devices.variables(devices.at(states, devices.STEPS)))
  state = devices.at(states, 50)
  for leaf in jax.tree.leaves((state.variables, state.opt, state.ema)):
    first, *others = [np.asarray(shard.data) for shard in leaf.addressable_shards]
    assert len(others) == count - 1
    for other in others:
      np.testing.assert_array_equal(first, other)


@pytest.mark.slow
def test_two_processes_agree_after_20_steps(tmp_path):
  address = f'127.0.0.1:{free_port()}'
  argument_lists = [
    (address, '2', str(number), str(tmp_path), *devices.SUBJECTS) for number in range(2)
  ]
  both = [
    python('tests/helpers/train_on_devices.py', *arguments, emitters=False)
    for arguments in argument_lists
  ]
  for done in map(finish, both):
    assert done.returncode == 0, done.stderr
  for subject in devices.SUBJECTS:
    first, second = (dict(np.load(tmp_path / f'{subject}_{number}.npz')) for number in range(2))
    assert_agree(subject, first)
    for name in first:
      np.testing.assert_array_equal(first[name], second[name])
