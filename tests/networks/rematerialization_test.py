"""Networks whose activations are computed again: the same step."""

import jax
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import devices
from gan_jax.training.step import make_step
from helpers import experiments

DCGAN = experiments.ROOT / 'experiments' / 'dcgan.py'


def compiled(**changes):
  """The step of a config, and what it makes of the first state."""
  config = experiments.experiment(DCGAN, steps_per_call=1, batch_size=16, **changes)
  built, local = setup.assemble_run(parse(config)), jax.devices()[:1]
  step = make_step(built.game, built.play, built.source.batch, devices.GLOBAL_BATCH, 1)
  state = devices.replicate(setup.initial_state(built), local)
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  program = devices.Program(step, local).compiled(state, feed)
  return program, program(state, feed)


def test_remat_step_is_equal_and_recomputes_activations():
  kept, (state, metrics) = compiled()
  again, (other, others) = compiled(remat=('generator', 'discriminator'))
  for name, value in metrics.items():
    np.testing.assert_allclose(others[name], value, rtol=1e-4, err_msg=name)
  # The running statistics are left as they were: each once.
  before, after = (jax.tree.leaves(s.variables.state) for s in (state, other))
  for a, b in zip(before, after, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
  assert again.cost_analysis()['flops'] > 1.1 * kept.cost_analysis()['flops']


def test_remat_of_an_unknown_network_is_rejected():
  config = experiments.experiment(DCGAN, remat=('critic',))
  with pytest.raises(ConfigError, match="remat: unknown name 'critic'"):
    build.make_game(parse(config).game)
