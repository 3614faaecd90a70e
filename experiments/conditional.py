"""Conditional GAN: Mirza & Osindero 2014 (arXiv:1411.1784).

One-hot labels are joined to the latents and to the examples, for images as constant channels. The
paper's networks for digits are dense with maxout; here they are those of DCGAN.

python -m gan_jax.main --config=experiments/conditional.py
python -m gan_jax.main --config=experiments/conditional.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'conditional'
  config.gan.classes = presets.classes(words)
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  presets.last_for(config, words, images=10_000, points=10_000)
  return config
