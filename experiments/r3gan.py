"""R3GAN: Huang et al. 2024 (arXiv:2501.05441), relativistic pairing with R1 and R2.

Loss and penalties are the paper's, networks and rates are not. The weights are gamma / 2.

python -m gan_jax.main --config=experiments/r3gan.py
python -m gan_jax.main --config=experiments/r3gan.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  config = flavours.start(words, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'relativistic_paired', 'base': {'name': 'non_saturating'}}
  weight = 0.05 if flavours.on_points(words) else 0.5
  config.gan.penalties = {'r1': {'weight': weight, 'every': 1}, 'r2': {'weight': weight, 'every': 1}}
  return config
