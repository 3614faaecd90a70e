"""SNGAN, the hinge loss with spectral normalization: Miyato et al. 2018 (arXiv:1802.05957).

Spectral normalization keeps the discriminator Lipschitz. The word `orthogonal` adds the orthogonal
regularization of BigGAN (Brock et al. 2019, arXiv:1809.11096) to the generator.

python -m gan_jax.main --config=experiments/hinge.py
python -m gan_jax.main --config=experiments/hinge.py:ring

Training time: about 7 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 7.2 of 8 modes, 86.1 % of the samples of high quality
- grid: 3.8 of 25 modes, 3.1 % of the samples of high quality
- digits: frechet_digits 252 ± 28 (`make scores`, three seeds)

Digits: Most are readable, with more ones, sevens and zeros than other digits. Some are fragments.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.name: hinge
- gan.name: two_player
- gan.prior.name: uniform
- gan.prior.size: 100
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: spectral
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

WORDS = ('orthogonal',)


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset, *WORDS)
  config = presets.start(words, images={'norm': 'spectral'}, points={'norm': 'spectral'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'hinge'}
  if 'orthogonal' in words:
    config.players.generator.gradient_transforms = {'add_orthogonal_gradient': {'weight': 1e-4}}
  return config
