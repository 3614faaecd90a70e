"""Statistics of a batch: over all devices, or of each device's part."""

import jax
import numpy as np
import pytest

from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import devices
from helpers.experiments import ROOT, experiment


def first_losses(config, parts):
  """The discriminator's first loss on the devices of each part of the batch, {rows [devices, b]}."""
  built, losses = setup.assemble_run(parse(config)), []
  for rows in parts:
    local = jax.devices()[: len(rows)]
    state = devices.replicate(setup.initial_state(built), local)
    feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
    place = feed['rows'].sharding
    feed['rows'] = jax.device_put(rows, place)
    _, metrics = devices.Program(setup.make_call(built), local)(state, feed)
    losses.append({k: float(v[0]) for k, v in metrics.items() if k.startswith('discriminator')})
  return losses


NARROW = {'networks.generator.width': 4, 'networks.discriminator.width': 4}
# Batch norm, MMD, averages of scores.
CASES = (
  pytest.param('dcgan', 'test', NARROW, marks=pytest.mark.slow),
  pytest.param('mmd_gan', 'ring-test', {}, marks=pytest.mark.slow),
  ('ragan', 'ring-test', {}),
)


@pytest.mark.parametrize(('name', 'preset', 'changes'), CASES)
def test_per_device_statistics_match_each_device_alone(name, preset, changes):
  path = ROOT / 'experiments' / f'{name}.py'
  changes = {**changes, 'steps_per_call': 1, 'players.discriminator.updates_per_step': 1}
  apart = experiment(path, preset, batch_statistics='device', **changes)
  rows = np.arange(apart['batch_size'], dtype=np.int32).reshape(2, -1)
  (together,) = first_losses(apart, [rows])
  alone = first_losses(apart, [rows[:1], rows[1:]])
  for key in ('discriminator/loss', 'discriminator/real_distance'):
    expected = (alone[0][key] + alone[1][key]) / 2
    assert together[key] == pytest.approx(expected, rel=1e-5)
  (over_all,) = first_losses({**apart, 'batch_statistics': 'global'}, [rows])
  assert over_all['discriminator/loss'] != pytest.approx(together['discriminator/loss'], rel=1e-5)


def test_batch_statistics_axis_follows_the_config():
  config = experiment(ROOT / 'experiments' / 'dcgan.py')
  axes = {
    how: build.make_game(parse({**config, 'batch_statistics': how}).game)
    for how in ('global', 'device')
  }
  assert axes['global'].networks['generator'].axis_name == devices.AXIS
  assert axes['device'].networks['generator'].axis_name is None
