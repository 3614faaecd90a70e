"""The GAN whose generator descends KL(p_g || p_data): Sonderby et al. 2017 (arXiv:1610.04490).

The generator's loss is the sum of the minimax and the non-saturating one (also Huszar 2016); see
`losses.kl`.

python -m gan_jax.main --config=experiments/kl.py
python -m gan_jax.main --config=experiments/kl.py:ring

Training time: about 7 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 96.5 % of the samples of high quality
- grid: 22.9 of 25 modes, 78.8 % of the samples of high quality

Digits: Most are clearly readable, of all kinds. A few in ten are not digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.name: kl
- gan.loss.real_label: 1.0
- gan.name: two_player
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
  config.gan.loss = {'name': 'kl', 'real_label': 1.0}
  return config
