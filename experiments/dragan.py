"""DRAGAN: Kodali et al. 2017 (arXiv:1705.07215).

A gradient penalty acts at points around the real examples. Adam has the momentum of DCGAN; without it
all samples become the same blot.

python -m gan_jax.main --config=experiments/dragan.py
python -m gan_jax.main --config=experiments/dragan.py:ring

Training time: about 7 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 6.3 of 8 modes, 57.9 % of the samples of high quality
- grid: 6.6 of 25 modes, 7.3 % of the samples of high quality

Digits: Half are clearly readable, mostly nines, threes, zeros and ones. The others are blurred or not
digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.name: non_saturating
- gan.loss.real_label: 1.0
- gan.name: two_player
- gan.penalties.dragan.scale: 0.5
- gan.penalties.dragan.target: 1.0
- gan.penalties.dragan.weight: 10.0
- gan.prior.name: uniform
- gan.prior.size: 100
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: none
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
  config = presets.start(words, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.penalties = {'dragan': {'weight': 10.0, 'target': 1.0, 'scale': 0.5}}
  return config
