"""Optimistic Adam on WGAN-GP: Daskalakis et al. 2018 (arXiv:1711.00141).

On digits the critic's rate is five times the generator's, as in `extragradient` and for its reason.

Digits: mostly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/optimistic.py
python -m gan_jax.main --config=experiments/optimistic.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  config.update_rule = 'simultaneous'
  config.gan.name = 'wgan_gp'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  if not presets.on_points(words):
    config.players.discriminator.learning_rate *= 5
  for player in ('generator', 'discriminator'):
    config.players[player].optimizer = 'optimistic_adam_v2'
    config.players[player].nesterov = False
  return config
