"""Instance noise: Arjovsky & Bottou 2017 (arXiv:1701.04862), Sonderby et al. 2017 (arXiv:1610.04490).

Gaussian noise is added to all examples that the discriminator sees, real and fake. It decreases to 0
over three quarters of the run.

python -m gan_jax.main --config=experiments/instance_noise.py
python -m gan_jax.main --config=experiments/instance_noise.py:ring

Training time: about 6 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 93.0 % of the samples of high quality
- grid: 24.4 of 25 modes, 81.0 % of the samples of high quality

Digits: Most are readable, of all kinds. A quarter are torn or not digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.name: non_saturating
- gan.loss.real_label: 1.0
- gan.name: two_player
- gan.noise.scale: 0.5
- gan.noise.steps: 2250
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
  config.gan.noise = {'scale': 0.5, 'steps': config.get_ref('steps') * 3 // 4}
  return config
