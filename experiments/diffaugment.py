"""DiffAugment: Zhao et al. 2020 (arXiv:2006.10738), color, translation and cutout.

The loss and the penalty are those of r1. Points are not images: on them nothing is augmented, and what
is left is r1.

Digits: half are readable, of most kinds, zeros the most; the others are knots or no digit. Neither the
grey of the cuts nor other shades of the ground have leaked into samples.

On the emoji of `make emoji`, 3,660 pictures in colour, 3,000 steps at 32 x 32 make blobs in the colours
of the set, on white, and first heads with hats; none would be taken for an emoji yet.

python -m gan_jax.main --config=experiments/diffaugment.py
python -m gan_jax.main --config=experiments/diffaugment.py:emoji
python -m gan_jax.main --config=experiments/diffaugment.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start_with_r1(words)
  if not presets.on_points(words):
    policy = ('color', 'translation', 'cutout')
    config.gan.augment = {'name': 'diffaugment', 'policy': policy}
  return config
