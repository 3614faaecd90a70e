"""WGAN-GP: Gulrajani et al. 2017 (arXiv:1704.00028).

A penalty on the norm of the critic's gradient, between real and fake examples, replaces WGAN's weight
clipping.

python -m gan_jax.main --config=experiments/wgan_gp.py
python -m gan_jax.main --config=experiments/wgan_gp.py:ring

Training time: about 15 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 86.2 % of the samples of high quality
- grid: 25.0 of 25 modes, 36.4 % of the samples of high quality
- digits: frechet_digits 164 ± 11 (`make scores`, three seeds)

Digits: Most are readable, of all kinds. Some strokes are cut or blurred.

Resolved hyperparameters:

- update_rule: alternating
- steps: 1500
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
- players.discriminator.b1: 0.0
- players.discriminator.b2: 0.9
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 5
- players.generator.b1: 0.0
- players.generator.b2: 0.9
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
  config = presets.start(words, images={'norm': 'none'})
  # On points the authors' code has 0.1 instead of the paper's 10.
  config.gan.name = 'wgan_gp'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  for player in config.players.values():
    player.b1 = 0.0
    player.b2 = 0.9
  presets.critic_steps(config, 5, words)
  return config
