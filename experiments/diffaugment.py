"""DiffAugment: Zhao et al. 2020 (arXiv:2006.10738).

Color changes, translation and cutout apply to all images that the discriminator sees. Loss and penalty
are those of `r1`. On points it does not augment and equals `r1`.

python -m gan_jax.main --config=experiments/diffaugment.py
python -m gan_jax.main --config=experiments/diffaugment.py:ring
python -m gan_jax.main --config=experiments/diffaugment.py:emoji

Digits: Half are readable, of most kinds, with many zeros. The others are knots or not digits. The
augmentations do not appear in the samples.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.augment.name: diffaugment
- gan.augment.policy: ["color", "translation", "cutout"]
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
    config.gan.augment = presets.diffaugment()
  return config
