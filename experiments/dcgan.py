"""DCGAN: Radford et al. 2016 (arXiv:1511.06434).

Adam, its learning rate, batch norm, activations and initial weights are the paper's. To save time the
batch size is 64 instead of 128, and the width 32 instead of 128. The last command trains on 64 x 64
color images with the paper's width; each of its settings applies to both networks.

python -m gan_jax.main --config=experiments/dcgan.py
python -m gan_jax.main --config=experiments/dcgan.py:ring
... --config.data.size=64 --config.data.channels=3 --config.networks.generator.width=128

Training time: about 16 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 96.3 % of the samples of high quality
- grid: 22.1 of 25 modes, 78.2 % of the samples of high quality
- digits: frechet_digits 46.2 ± 1.3 (`make scores`, three seeds)

Digits: Most are clearly readable, of all kinds. One in ten has a doubtful shape.

Resolved hyperparameters:

- update_rule: alternating
- steps: 10000
- batch_size: 64
- gan.name: dcgan
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.real_label: 1.0
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.0002
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
  config = presets.start(words)
  config.gan.name = 'dcgan'
  config.gan.real_label = 1.0
  presets.last_for(config, words, images=10_000, points=10_000)
  return config
