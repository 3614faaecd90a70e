"""Unrolled GAN: Metz et al. 2017 (arXiv:1611.02163).

The generator plays against the discriminator after five more updates. The discriminator's learning
rate is below the generator's, by a factor of 10 on points and 4 on digits. At equal rates the
generator does not follow: it loses modes of the ring, and digits collapse to one blot. On points the
learning rates, and with them the unrolled updates, decrease to 0 in the second half. A step on digits
costs as much as ten steps of other experiments.

python -m gan_jax.main --config=experiments/unrolled.py
python -m gan_jax.main --config=experiments/unrolled.py:ring

Training time: about 23 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 7.8 of 8 modes, 66.2 % of the samples of high quality
- grid: 17.1 of 25 modes, 13.3 % of the samples of high quality

Digits: Shapes are varied, but only a quarter are readable.

Resolved hyperparameters:

- update_rule: simultaneous
- steps: 1500
- batch_size: 64
- gan.loss.name: non_saturating
- gan.name: unrolled
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.unroll: 5
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: none
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.eps_root: 1e-10
- players.discriminator.learning_rate: 5e-05
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.5
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset)
  points = presets.on_points(words)
  config = presets.start(words, images={'norm': 'none'})
  config.update_rule = 'simultaneous'
  config.gan.name = 'unrolled'
  config.gan.unroll = 5
  # Without it Adam's derivative is infinite for a weight that has had no gradient, e.g. behind a ReLU.
  config.players.discriminator.eps_root = 1e-10
  if not words & set(presets.PROTOCOLS):
    config.players.discriminator.learning_rate /= 10 if points else 4
  if not points:
    # With the minimax loss of the paper's mixtures the generator's gradient vanishes on digits.
    config.gan.loss = {'name': 'non_saturating'}
  presets.last_for(config, words, images=1_500, points=6_000)
  return config
