"""The relativistic average GAN: Jolicoeur-Martineau 2019 (arXiv:1807.00734).

Digits: plainly readable and of all kinds; a few in ten are no digit.

python -m gan_jax.main --config=experiments/ragan.py
python -m gan_jax.main --config=experiments/ragan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'relativistic_average', 'base': {'name': 'non_saturating'}}
  return config
