"""DRAGAN: Kodali et al. 2017 (arXiv:1705.07215).

Digits: after 3,000 steps half are plainly readable, mostly nines, threes, zeros and ones; the others
are soft or no digit. Without momentum all samples became one blot.

python -m gan_jax.main --config=experiments/dragan.py
python -m gan_jax.main --config=experiments/dragan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.penalties = {'dragan': {'weight': 10.0, 'target': 1.0, 'scale': 0.5}}
  return config
