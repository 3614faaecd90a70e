"""EBGAN with the pulling-away term: Zhao et al. 2017 (arXiv:1609.03126).

The discriminator is an autoencoder, whose reconstruction error is an energy. A term of the generator's
loss keeps the codes of fake examples apart.

python -m gan_jax.main --config=experiments/ebgan.py
python -m gan_jax.main --config=experiments/ebgan.py:ring

Training time: about 4 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 3.8 of 8 modes, 90.2 % of the samples of high quality
- grid: 12.3 of 25 modes, 40.3 % of the samples of high quality

Digits: Most are clearly readable, of all kinds, with many ones, in a gray haze. A fifth are not
digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.margin: 0.2
- gan.name: ebgan
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.pull_away: 0.1
- networks.discriminator.code: 32
- networks.discriminator.hidden: [512, 256]
- networks.discriminator.name: mlp.Autoencoder
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.001
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
  # The margin has the scale of one coordinate's squared error; a larger one leaves noisy samples.
  config.gan.name = 'ebgan'
  config.gan.margin = 0.1
  config.gan.pull_away = 0.1
  if not presets.on_points(words):
    config.gan.margin = 0.2
    config.players.discriminator.learning_rate = 1e-3
  return config
