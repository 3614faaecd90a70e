"""A GAN with least absolute deviations, the sibling of LSGAN; see `losses.least_absolute`.

Digits: plainly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/lad.py
python -m gan_jax.main --config=experiments/lad.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  config = flavours.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'least_absolute', 'fake': 0.0, 'real': 1.0, 'target': 1.0}
  return config
