"""WGAN-GP: Gulrajani et al. 2017 (arXiv:1704.00028).

Digits: mostly readable and of all kinds; some strokes are cut or blurred after 1,500 steps.

python -m gan_jax.main --config=experiments/wgan_gp.py
python -m gan_jax.main --config=experiments/wgan_gp.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  config = flavours.start(words, images={'norm': 'none'})
  # On points the authors' code has 0.1 for the paper's 10.
  config.gan.name, config.gan.weight = 'wgan_gp', 0.1 if flavours.on_points(words) else 10.0
  for player in config.players.values():
    player.b1, player.b2 = 0.0, 0.9
  flavours.critic_steps(config, 5, words)
  return config
