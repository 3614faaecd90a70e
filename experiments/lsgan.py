"""LSGAN, least squares: Mao et al. 2017 (arXiv:1611.04076).

Digits: plainly readable and of all kinds; a few in ten are torn or no digit.

python -m gan_jax.main --config=experiments/lsgan.py
python -m gan_jax.main --config=experiments/lsgan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'least_squares', 'fake': 0.0, 'real': 1.0, 'target': 1.0}
  return config
