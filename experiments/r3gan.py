"""R3GAN: Huang et al. 2024 (arXiv:2501.05441).

The loss is relativistic and paired, with the penalties R1 and R2. Loss, penalties and Adam without
momentum are the paper's; networks and learning rates are not. The weights are gamma / 2, and the
penalties are lazy (every fourth step, four times the weight). With DCGAN's momentum of 0.5 all digits
change shape together. On points it has deeper networks, larger batches and twice the steps of the
other experiments: a continuous generator leaves samples between modes, which take long to become rare.

python -m gan_jax.main --config=experiments/r3gan.py
python -m gan_jax.main --config=experiments/r3gan.py:ring

Training time: about 7 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 98.8 % of the samples of high quality
- grid: 25.0 of 25 modes, 98.0 % of the samples of high quality

Digits: Two thirds are readable, of all kinds, with soft strokes. The others are knots.

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.loss.base.name: non_saturating
- gan.loss.name: relativistic_paired
- gan.name: two_player
- gan.penalties.r1.every: 4
- gan.penalties.r1.weight: 0.5
- gan.penalties.r2.every: 4
- gan.penalties.r2.weight: 0.5
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
  config = presets.start(words, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'relativistic_paired', 'base': {'name': 'non_saturating'}}
  penalty = {'weight': 0.05 if presets.on_points(words) else 0.5, 'every': 4}
  config.gan.penalties = {'r1': dict(penalty), 'r2': dict(penalty)}
  for player in config.players.values():
    player.b1 = 0.0
  if presets.on_points(words) and not words & {'test', *presets.PROTOCOLS}:
    _extend(config, words)
  return config


def _extend(config: ConfigDict, words: presets.Words) -> None:
  """Sets networks, rates and steps that put 98 % of the samples in the modes of the grid."""
  config.batch_size = 256
  config.networks.generator.hidden = (128,) * 6
  config.networks.discriminator.hidden = (128,) * 4
  for player in config.players.values():
    player.learning_rate = 2e-3
    player.b2 = 0.99
  presets.critic_steps(config, 2, words)
  config.steps = 20_000
