"""WGAN: Arjovsky et al. 2017 (arXiv:1701.07875), weights clipped after every update of the critic.

On digits the limit is the paper's 0.01 and the rate four times its 5e-5; the critic has batch norm, as
in the authors' code, without which such small weights pass on next to no gradient. On points limit and
rate are ten times the paper's.

Digits: about half are readable, the others knots of strokes; 1,500 steps are few for so small a rate.

python -m gan_jax.main --config=experiments/wgan.py
python -m gan_jax.main --config=experiments/wgan.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  config = flavours.start(words)
  rate, limit = (5e-4, 0.1) if flavours.on_points(words) else (2e-4, 0.01)
  config.gan.name = 'wgan'
  for player in config.players.values():
    del player.b1
    player.optimizer, player.learning_rate = 'rmsprop', rate
  flavours.critic_steps(config, 5, words)
  config.players.discriminator.constraints = {'clip_weights': {'limit': limit}}
  return config
