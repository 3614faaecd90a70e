"""BEGAN: Berthelot et al. 2017 (arXiv:1703.10717).

Digits: none: all samples are one grey square. The balance is met with k at 0, where the discriminator
only learns to copy: an autoencoder of dense layers copies a faint picture with a faint error, so it
needs no k to tell the two apart. Gamma of 0.5, 0.7 and 1, and rates of k from 0.001 to 1, ended so.

python -m gan_jax.main --config=experiments/began.py
python -m gan_jax.main --config=experiments/began.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  judge = {'name': 'mlp.Autoencoder', 'hidden': (512, 256), 'code': 32}
  config = presets.start(words, images=judge, points={'name': 'mlp_2d.Autoencoder'})
  config.gan.name = 'began'
  config.gan.diversity = 0.5
  config.gan.rate = 1e-3
  return config
