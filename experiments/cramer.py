"""Cramer GAN: Bellemare et al. 2017 (arXiv:1705.10743).

The generator minimizes the energy distance between features of real and fake examples. The
discriminator computes the features.

python -m gan_jax.main --config=experiments/cramer.py
python -m gan_jax.main --config=experiments/cramer.py:ring

Training time: about 31 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 66.5 % of the samples of high quality
- grid: 25.0 of 25 modes, 23.7 % of the samples of high quality

Digits: Most are readable, of all kinds. About a third are not digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 1500
- batch_size: 64
- gan.name: cramer
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.weight: 10.0
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: none
- networks.discriminator.outputs: 64
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 5
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
  config = presets.start(words, images={'norm': 'none', 'outputs': 64}, points={'outputs': 16})
  config.gan.name = 'cramer'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  presets.critic_steps(config, 5, words)
  return config
