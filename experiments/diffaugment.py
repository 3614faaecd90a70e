"""DiffAugment: Zhao et al. 2020 (arXiv:2006.10738), color, translation and cutout.

The loss and the penalty are those of r1. Points are not images: on them nothing is augmented, and what
is left is r1.

Digits: half are readable, of most kinds, zeros the most; the others are knots or no digit. Neither the
grey of the cuts nor other shades of the ground have leaked into samples.

python -m gan_jax.main --config=experiments/diffaugment.py
python -m gan_jax.main --config=experiments/diffaugment.py:ring
"""

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits, or the data and protocol that the preset says; see `gan_jax.flavours`."""
  words = flavours.words(preset)
  config = flavours.start(words, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  weight = 0.05 if flavours.on_points(words) else 0.5
  config.gan.penalties = {'r1': {'weight': weight, 'every': 4}}
  if not flavours.on_points(words):
    policy = ('color', 'translation', 'cutout')
    config.gan.augment = {'name': 'diffaugment', 'policy': policy}
    for player in config.players.values():
      player.b1 = 0.0
  return config
