"""BEGAN: Berthelot et al. 2017 (arXiv:1703.10717).

The discriminator is an autoencoder. The game balances the reconstruction errors of real and fake
examples.

python -m gan_jax.main --config=experiments/began.py
python -m gan_jax.main --config=experiments/began.py:ring

Training time: about 4 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 0.5 of 8 modes, 39.8 % of the samples of high quality
- grid: 1.4 of 25 modes, 77.9 % of the samples of high quality

Digits: All samples are the same gray square. A dense autoencoder copies a faint image with a small
error, so the balance holds with k = 0, and the discriminator only learns to copy.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.diversity: 0.5
- gan.name: began
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.rate: 0.001
- networks.discriminator.code: 32
- networks.discriminator.hidden: [512, 256]
- networks.discriminator.name: mlp.Autoencoder
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
  autoencoder = {'name': 'mlp.Autoencoder', 'hidden': (512, 256), 'code': 32}
  config = presets.start(words, images=autoencoder, points={'name': 'mlp_2d.Autoencoder'})
  config.gan.name = 'began'
  config.gan.diversity = 0.5
  config.gan.rate = 1e-3
  return config
