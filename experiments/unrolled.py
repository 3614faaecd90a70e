"""Unrolled GAN: Metz et al. 2017 (arXiv:1611.02163), five steps ahead.

The discriminator's rate is below the generator's, a tenth of it on points and a quarter on digits. At
equal rates a step ahead is too long to follow: 3,000 steps had 2.7 of the ring's 8 modes, and on digits
all samples became one blot. On points the rates, and with them the steps ahead, go down to 0 in the
second half.

Digits: of many shapes, but only a quarter can be read: each of the 1,500 steps costs as much as ten
others, and more are needed.

python -m gan_jax.main --config=experiments/unrolled.py
python -m gan_jax.main --config=experiments/unrolled.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  points = presets.on_points(words)
  config = presets.start(words, images={'norm': 'none'})
  config.update_rule = 'simultaneous'
  config.gan.name = 'unrolled'
  config.gan.unroll = 5
  # Adam's slope is infinite where a weight has had no gradient yet, e.g. behind a ReLU.
  config.players.discriminator.eps_root = 1e-10
  if not words & set(presets.PROTOCOLS):
    config.players.discriminator.learning_rate /= 10 if points else 4
  if not points:
    # The minimax loss of the paper's mixtures leaves the generator without a gradient here.
    config.gan.loss = {'name': 'non_saturating'}
  presets.last_for(config, words, images=1_500, points=6_000)
  return config
