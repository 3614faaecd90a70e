"""Optimistic Adam on WGAN-GP: Daskalakis et al. 2018 (arXiv:1711.00141).

Each update anticipates the next gradient. On digits the critic's learning rate is five times the
generator's, for the reason given in `extragradient`.

python -m gan_jax.main --config=experiments/optimistic.py
python -m gan_jax.main --config=experiments/optimistic.py:ring

Training time: about 8 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 95.7 % of the samples of high quality
- grid: 24.9 of 25 modes, 36.0 % of the samples of high quality

Digits: Most are readable, of all kinds. A quarter are torn or not digits.

Resolved hyperparameters:

- update_rule: simultaneous
- steps: 3000
- batch_size: 64
- gan.name: wgan_gp
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.weight: 10.0
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: none
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.001
- players.discriminator.nesterov: false
- players.discriminator.optimizer: optimistic_adam_v2
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.5
- players.generator.learning_rate: 0.0002
- players.generator.nesterov: false
- players.generator.optimizer: optimistic_adam_v2
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  config.update_rule = 'simultaneous'
  config.gan.name = 'wgan_gp'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  if not presets.on_points(words):
    config.players.discriminator.learning_rate *= 5
  for player in ('generator', 'discriminator'):
    config.players[player].optimizer = 'optimistic_adam_v2'
    config.players[player].nesterov = False
  return config
