"""WGAN-GP: Gulrajani et al. 2017 (arXiv:1704.00028).

Digits: mostly readable and of all kinds; some strokes are cut or blurred after 1,500 steps.

python -m gan_jax.main --config=experiments/wgan_gp.py
python -m gan_jax.main --config=experiments/wgan_gp.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  # On points the authors' code has 0.1 for the paper's 10.
  config.gan.name = 'wgan_gp'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  for player in config.players.values():
    player.b1 = 0.0
    player.b2 = 0.9
  presets.critic_steps(config, 5, words)
  return config
