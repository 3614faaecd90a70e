"""The non-saturating GAN with the R1 penalty: Mescheder et al. 2018 (arXiv:1801.04406).

The penalty is lazy: every fourth step has it with four times the weight, which is gamma / 2 (Karras et
al. 2020, arXiv:1912.04958, section 3.1, has it in every 16th). On digits Adam has no momentum, as in
the authors' code; with DCGAN's momentum half of the samples are blots.

python -m gan_jax.main --config=experiments/r1.py
python -m gan_jax.main --config=experiments/r1.py:ring

Training time: about 7 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 92.8 % of the samples of high quality
- grid: 24.9 of 25 modes, 73.7 % of the samples of high quality

Digits: Most are readable, of all kinds, with soft strokes. A third are knots or not digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
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
  return presets.start_with_r1(presets.words(preset))
