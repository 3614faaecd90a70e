"""f-GAN: Nowozin et al. 2016 (arXiv:1606.00709).

The discriminator estimates an f-divergence, by default Pearson's chi-square. A word of the preset
chooses another one, e.g. `ring-hellinger`.

python -m gan_jax.main --config=experiments/fgan.py
python -m gan_jax.main --config=experiments/fgan.py:ring

Training time: about 4 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 96.3 % of the samples of high quality
- grid: 25.0 of 25 modes, 68.2 % of the samples of high quality

Digits: Most are clearly readable, with many nines and zeros. A few in ten are torn, filled or not
digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.divergence: pearson
- gan.loss.name: f_divergence
- gan.loss.saturating: false
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

WORDS = (
  'total_variation',
  'kl',
  'reverse_kl',
  'pearson',
  'neyman',
  'hellinger',
  'jensen_shannon',
  'gan',
)


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset, *WORDS)
  config = presets.start(words)
  config.gan.name = 'two_player'
  divergence = next(iter(words & set(WORDS)), 'pearson')
  config.gan.loss = {'name': 'f_divergence', 'divergence': divergence, 'saturating': False}
  return config
