"""f-GAN: Nowozin et al. 2016 (arXiv:1606.00709), by default with Pearson's chi-square.

Another divergence is a word of the preset, e.g. experiments/fgan.py:ring-hellinger.

Digits: plainly readable, nines and zeros the most; a few in ten are torn, filled or no digit.

python -m gan_jax.main --config=experiments/fgan.py
python -m gan_jax.main --config=experiments/fgan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets

DIVERGENCES = (
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
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset, *DIVERGENCES)
  config = presets.start(words)
  config.gan.name = 'two_player'
  divergence = next(iter(words & set(DIVERGENCES)), 'pearson')
  config.gan.loss = {'name': 'f_divergence', 'divergence': divergence, 'saturating': False}
  return config
