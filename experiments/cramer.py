"""Cramer GAN: Bellemare et al. 2017 (arXiv:1705.10743).

Digits: mostly readable and of all kinds; about a third are no digit after 1,500 steps.

python -m gan_jax.main --config=experiments/cramer.py
python -m gan_jax.main --config=experiments/cramer.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none', 'outputs': 64}, points={'outputs': 16})
  config.gan.name = 'cramer'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  presets.critic_steps(config, 5, words)
  return config
