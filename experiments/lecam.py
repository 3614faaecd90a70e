"""The LeCam penalty on the non-saturating GAN: Tseng et al. 2021 (arXiv:2104.03310).

Digits: plainly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/lecam.py
python -m gan_jax.main --config=experiments/lecam.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.penalties = {'lecam': {'weight': 0.1, 'decay': 0.99}}
  return config
