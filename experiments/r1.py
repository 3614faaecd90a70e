"""The non-saturating GAN with the R1 penalty: Mescheder et al. 2018 (arXiv:1801.04406).

The penalty is lazy, in every fourth step four times as heavy (Karras et al. 2020, arXiv:1912.04958,
section 3.1, has every 16th). The weight is gamma / 2. On digits Adam has no momentum, as the authors'
optimizer has none; with DCGAN's, half of the samples were soft blots.

Digits: mostly readable and of all kinds; a third are knots or no digit, and strokes are soft after
3,000 steps.

python -m gan_jax.main --config=experiments/r1.py
python -m gan_jax.main --config=experiments/r1.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  return presets.start_with_r1(presets.words(preset))
