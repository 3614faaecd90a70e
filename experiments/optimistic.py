"""Optimistic Adam on WGAN-GP: Daskalakis et al. 2018 (arXiv:1711.00141).

On digits the critic's rate is five times the generator's, as in `extragradient` and for its reason.

Digits: mostly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/optimistic.py
python -m gan_jax.main --config=experiments/optimistic.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  config = flavours.start(words, images={'norm': 'none'})
  config.update = 'simultaneous'
  config.gan.name, config.gan.weight = 'wgan_gp', 0.1 if flavours.on_points(words) else 10.0
  if not flavours.on_points(words):
    config.players.discriminator.learning_rate *= 5
  for player in ('generator', 'discriminator'):
    config.players[player].optimizer, config.players[player].nesterov = 'optimistic_adam_v2', False
  return config
