"""The GAN whose generator descends KL(p_g || p_data): Huszar 2016, Sonderby et al. 2017
(arXiv:1610.04490); see `losses.kl`.

Digits: plainly readable and of all kinds; a few in ten are no digit.

python -m gan_jax.main --config=experiments/kl.py
python -m gan_jax.main --config=experiments/kl.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'kl', 'real_label': 1.0}
  return config
