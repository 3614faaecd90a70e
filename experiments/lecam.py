"""The LeCam penalty on the non-saturating GAN: Tseng et al. 2021 (arXiv:2104.03310).

The penalty keeps the discriminator's logits close to moving averages of the logits of the other kind.

python -m gan_jax.main --config=experiments/lecam.py
python -m gan_jax.main --config=experiments/lecam.py:ring

Training time: about 6 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 96.3 % of the samples of high quality
- grid: 22.2 of 25 modes, 75.6 % of the samples of high quality

Digits: Most are clearly readable, of all kinds. A quarter are torn or not digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.name: non_saturating
- gan.loss.real_label: 1.0
- gan.name: two_player
- gan.penalties.lecam.decay: 0.99
- gan.penalties.lecam.weight: 0.1
- gan.prior.name: uniform
- gan.prior.size: 100
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
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.penalties = {'lecam': {'weight': 0.1, 'decay': 0.99}}
  return config
