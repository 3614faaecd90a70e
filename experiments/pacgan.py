"""PacGAN: Lin et al. 2018 (arXiv:1712.04086), a discriminator of packs of two.

The paper's own 2-D experiments are the presets ring-pacgan and grid-pacgan.

Digits: mostly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/pacgan.py
python -m gan_jax.main --config=experiments/pacgan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'pacgan'
  config.gan.degree = 2
  if {'pacgan', 'test'} & words == {'pacgan'}:
    # The paper's code counts packs.
    config.batch_size = 100 * config.gan.degree
  return config
