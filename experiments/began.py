"""BEGAN: Berthelot et al. 2017 (arXiv:1703.10717).

python -m gan_jax.main --config=experiments/began.py
python -m gan_jax.main --config=experiments/began.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  judge = {'name': 'mlp.Autoencoder', 'hidden': (512, 256), 'code': 32}
  config = flavours.start(words, images=judge, points={'name': 'points.Autoencoder'})
  config.gan.name, config.gan.diversity, config.gan.rate = 'began', 0.5, 1e-3
  return config
