"""Instance noise: Arjovsky & Bottou 2017 (arXiv:1701.04862), Sonderby et al. 2017 (arXiv:1610.04490).

Gaussian noise on all that the discriminator sees, real and fake, which fades out over three
quarters of the run.

Digits: mostly readable and of all kinds; a quarter are torn or no digit.

python -m gan_jax.main --config=experiments/instance_noise.py
python -m gan_jax.main --config=experiments/instance_noise.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.noise = {'scale': 0.5, 'steps': config.get_ref('steps') * 3 // 4}
  return config
