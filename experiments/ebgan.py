"""EBGAN with the pulling-away term: Zhao et al. 2017 (arXiv:1609.03126).

Digits: plainly readable and of all kinds, ones the most; a grey haze is left around them, and a fifth
are no digit.

python -m gan_jax.main --config=experiments/ebgan.py
python -m gan_jax.main --config=experiments/ebgan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  judge = {'name': 'mlp.Autoencoder', 'hidden': (512, 256), 'code': 32}
  config = presets.start(words, images=judge, points={'name': 'mlp_2d.Autoencoder'})
  # The margin is in units of one pixel's or coordinate's squared error; a wide one leaves noise.
  config.gan.name = 'ebgan'
  config.gan.margin = 0.1
  config.gan.pull_away = 0.1
  if not presets.on_points(words):
    config.gan.margin = 0.2
    config.players.discriminator.learning_rate = 1e-3
  return config
