"""PacGAN: Lin et al. 2018 (arXiv:1712.04086).

The discriminator gets packs of two examples. The presets `ring-pacgan` and `grid-pacgan` are the
paper's own 2-D experiments.

python -m gan_jax.main --config=experiments/pacgan.py
python -m gan_jax.main --config=experiments/pacgan.py:ring

Training time: about 5 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 95.2 % of the samples of high quality
- grid: 18.0 of 25 modes, 4.1 % of the samples of high quality

Digits: Most are readable, of all kinds. A quarter are torn or not digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.degree: 2
- gan.name: pacgan
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
  config.gan.name = 'pacgan'
  config.gan.degree = 2
  if {'pacgan', 'test'} & words == {'pacgan'}:
    # The paper's code counts packs.
    config.batch_size = 100 * config.gan.degree
  return config
