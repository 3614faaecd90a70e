"""Devices and processes, however many, train one and the same model."""

import functools

import jax
import numpy as np
import pytest

from helpers import train_on_devices as devices
from helpers.commands import finish, python
from helpers.runs import free_port

# In one worker, so that what one device makes is made once.
pytestmark = pytest.mark.xdist_group('devices')

SLOW = ('wgan_gp:test', 'mmd_gan:test')

TOLERANCE = 1e-5
"""How far apart two may be after 20 steps, as a part of how far they have come.

The sums of a batch are taken in another order. Seen is 1e-6.
"""


@functools.cache
def alone(subject):
  """The variables before the first step and after 20, of one device."""
  states = devices.states(subject, 1)
  return devices.variables(next(states)), devices.variables(devices.at(states, devices.STEPS))


def assert_agree(subject, found):
  start, end = alone(subject)
  norm = lambda a, b: np.sqrt(sum(np.square(a[name] - b[name]).sum() for name in end))
  apart = norm(found, end) / norm(end, start)
  print(f'{subject}: {apart:.1e} of the way apart')
  assert apart < TOLERANCE


@pytest.mark.parametrize('count', (2, 4, 8))
@pytest.mark.parametrize(
  'subject', [*devices.SUBJECTS, *(pytest.param(s, marks=pytest.mark.slow) for s in SLOW)]
)
def test_device_counts_agree_after_20_steps_and_replicas_after_50(subject, count):
  states = devices.states(subject, count)
  assert_agree(subject, devices.variables(devices.at(states, devices.STEPS)))
  state = devices.at(states, 50)
  for leaf in jax.tree.leaves((state.variables, state.opt, state.ema)):
    first, *others = [np.asarray(shard.data) for shard in leaf.addressable_shards]
    assert len(others) == count - 1
    for other in others:
      np.testing.assert_array_equal(first, other)


def test_two_processes_agree_after_20_steps(tmp_path):
  place = f'127.0.0.1:{free_port()}'
  own = [(place, '2', str(number), str(tmp_path), *devices.SUBJECTS) for number in range(2)]
  both = [python('tests/helpers/train_on_devices.py', *arguments, emitters=False) for arguments in own]
  for done in map(finish, both):
    assert done.returncode == 0, done.stderr
  for subject in devices.SUBJECTS:
    first, second = (dict(np.load(tmp_path / f'{subject}_{number}.npz')) for number in range(2))
    assert_agree(subject, first)
    for name in first:
      np.testing.assert_array_equal(first[name], second[name])
