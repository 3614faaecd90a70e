"""Consensus optimization: Mescheder et al. 2017 (arXiv:1705.10461).

Every player also minimizes the norm of all players' gradients. Updates are simultaneous, as in the
paper. A step costs as much as four steps of other experiments.

python -m gan_jax.main --config=experiments/consensus.py
python -m gan_jax.main --config=experiments/consensus.py:ring

Training time: about 16 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 94.1 % of the samples of high quality
- grid: 25.0 of 25 modes, 58.3 % of the samples of high quality

Digits: A third are readable, of all kinds. The others are blots and fragments.

Resolved hyperparameters:

- update_rule: simultaneous
- steps: 2000
- batch_size: 64
- gan.loss.name: non_saturating
- gan.loss.real_label: 1.0
- gan.name: consensus
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.weight: 0.1
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
  config.update_rule = 'simultaneous'
  config.gan.name = 'consensus'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.weight = 0.1
  presets.last_for(config, words, images=2_000, points=10_000)
  return config
