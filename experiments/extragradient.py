"""ExtraAdam on WGAN-GP: Gidel et al. 2019 (arXiv:1802.10551), algorithm 4.

On digits the critic's rate is five times the generator's (ten times in the authors' code): it has one
update a step, and at equal rates it does not keep ahead and the samples stay blots.

Digits: mostly readable and of all kinds; a third are torn or no digit after 2,000 steps.

python -m gan_jax.main --config=experiments/extragradient.py
python -m gan_jax.main --config=experiments/extragradient.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  config.update_rule = 'extragradient'
  config.gan.name = 'wgan_gp'
  config.gan.weight = 0.1 if presets.on_points(words) else 10.0
  if not presets.on_points(words):
    config.players.discriminator.learning_rate *= 5
  presets.last_for(config, words, images=2_000, points=10_000)
  for name, player in config.players.items():
    if 'update_transforms' in player:
      presets.fade_out(config, name, updates=2)
  return config
