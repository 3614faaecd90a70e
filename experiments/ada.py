"""Adaptive discriminator augmentation: Karras et al. 2020 (arXiv:2006.06676).

The loss and the penalty are those of r1, as in the paper; p starts at 0 and is where it keeps the mean
sign of the scores of real images at 0.6. It goes from 0 to 1 in 100,000 images, five times as fast as
in the paper, since the run has 192,000. Points are not images: on them nothing is augmented, and what
is left is r1.

Digits: two thirds are readable, of all kinds; the others are knots or no digit, and strokes are ragged.
A discriminator trained on 5,000 digits for 3,000 steps does not overfit, so p has little to do: it rose
to 0.11 by step 250, and was 0 or near it from step 550 on. (That run had the filter of warps a quarter
of a pixel off; it has not been made anew.)

python -m gan_jax.main --config=experiments/ada.py
python -m gan_jax.main --config=experiments/ada.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start_with_r1(words)
  if not presets.on_points(words):
    config.gan.augment = {'name': 'ada', 'target': 0.6, 'images': 100_000, 'interval': 4}
  return config
