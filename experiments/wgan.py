"""WGAN: Arjovsky et al. 2017 (arXiv:1701.07875), weights clipped after every update of the critic.

On digits the limit is the paper's 0.01 and the rate four times its 5e-5; the critic has batch norm, as
in the authors' code, without which such small weights pass on next to no gradient. On points limit and
rate are ten times the paper's.

Digits: about half are readable, the others knots of strokes; 1,500 steps are few for so small a rate.

python -m gan_jax.main --config=experiments/wgan.py
python -m gan_jax.main --config=experiments/wgan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  rate, limit = (5e-4, 0.1) if presets.on_points(words) else (2e-4, 0.01)
  config.gan.name = 'wgan'
  for player in config.players.values():
    del player.b1
    player.optimizer = 'rmsprop'
    player.learning_rate = rate
  presets.critic_steps(config, 5, words)
  config.players.discriminator.weight_constraints = {'clip_weights': {'limit': limit}}
  return config
