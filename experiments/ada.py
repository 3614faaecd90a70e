"""Adaptive discriminator augmentation (ADA): Karras et al. 2020 (arXiv:2006.06676).

ADA adapts the probability of augmentations, so that the mean sign of the logits for real images stays
at 0.6. Loss and penalty are those of `r1`, as in the paper. The probability can go from 0 to 1 in
100,000 images, five times as fast as in the paper, because the run has only 192,000. On points it does
not augment and equals `r1`.

python -m gan_jax.main --config=experiments/ada.py
python -m gan_jax.main --config=experiments/ada.py:ring

Digits: About half are readable, of most kinds. The others are knots or not digits, and strokes are
ragged.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.augment.images: 100000
- gan.augment.interval: 4
- gan.augment.name: ada
- gan.augment.target: 0.6
- gan.loss.name: non_saturating
- gan.loss.real_label: 1.0
- gan.name: two_player
- gan.penalties.r1.every: 4
- gan.penalties.r1.weight: 0.5
- gan.prior.name: uniform
- gan.prior.size: 100
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: none
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.0
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.0
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start_with_r1(words)
  if not presets.on_points(words):
    config.gan.augment = {'name': 'ada', 'target': 0.6, 'images': 100_000, 'interval': 4}
  return config
