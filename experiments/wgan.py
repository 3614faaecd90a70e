"""WGAN: Arjovsky et al. 2017 (arXiv:1701.07875).

The critic's weights are clipped after each of its updates. On digits the limit is the paper's 0.01,
and the learning rate four times its 5e-5. The critic has batch norm, as in the authors' code; without
it such small weights pass hardly any gradient. On points limit and rate are ten times the paper's.

python -m gan_jax.main --config=experiments/wgan.py
python -m gan_jax.main --config=experiments/wgan.py:ring

Training time: about 10 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 22.4 % of the samples of high quality
- grid: 21.0 of 25 modes, 9.5 % of the samples of high quality

Digits: About half are readable, the others are knots of strokes.

Resolved hyperparameters:

- update_rule: alternating
- steps: 1500
- batch_size: 64
- gan.name: wgan
- gan.prior.name: uniform
- gan.prior.size: 100
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: rmsprop
- players.discriminator.updates_per_step: 5
- players.discriminator.weight_constraints.clip_weights.limit: 0.01
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: rmsprop
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  rate, limit = (5e-4, 0.1) if presets.on_points(words) else (2e-4, 0.01)
  config.gan.name = 'wgan'
  for player in config.players.values():
    del player.b1
    player.optimizer = 'rmsprop'
    player.learning_rate = rate
  presets.critic_steps(config, 5, words)
  config.players.discriminator.weight_constraints = {'clip_weights': {'limit': limit}}
  return config
