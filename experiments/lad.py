"""A GAN with least absolute deviations, the sibling of LSGAN; see `losses.least_absolute`.

Digits: plainly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/lad.py
python -m gan_jax.main --config=experiments/lad.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'least_absolute', 'fake': 0.0, 'real': 1.0, 'target': 1.0}
  return config
