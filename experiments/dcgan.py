"""DCGAN: Radford et al. 2016 (arXiv:1511.06434), on 5,000 handwritten digits.

python -m gan_jax.main --config=experiments/dcgan.py

Adam, its rate, batch norm, activations and initial weights are the paper's. The batch is 64 for its
128, and the width 32 for its 128, for the sake of time. In colour at 64 x 64, with the paper's width
(size, channels and width are set for both networks at once):

... --config.data.size=64 --config.data.channels=3 --config.networks.generator.width=128

Seen: seed 0 on two CPU cores takes ten to twenty minutes, at 500 to 1,700 images a second. Digits can
be read from step 1,500 on; at 10,000 the samples are of all ten kinds, a few of 64 unreadable
(docs/dcgan.png).

Digits: plainly readable and of all kinds; one in ten is a doubtful shape.
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words)
  config.gan.name = 'dcgan'
  config.gan.real_label = 1.0
  presets.last_for(config, words, images=10_000, points=10_000)
  return config
