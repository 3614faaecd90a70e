"""The hinge loss with spectral normalisation, SNGAN: Miyato et al. 2018 (arXiv:1802.05957).

The word 'orthogonal' adds the orthogonal regularisation of BigGAN (Brock et al. 2019,
arXiv:1809.11096) to the generator.

Digits: mostly readable; more ones, sevens and zeros than other digits, and some fragments.

python -m gan_jax.main --config=experiments/hinge.py
python -m gan_jax.main --config=experiments/hinge.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset, 'orthogonal')
  config = presets.start(words, images={'norm': 'spectral'}, points={'norm': 'spectral'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'hinge'}
  if 'orthogonal' in words:
    config.players.generator.gradient_transforms = {'add_orthogonal_gradient': {'weight': 1e-4}}
  return config
