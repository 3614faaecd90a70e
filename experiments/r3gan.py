"""R3GAN: Huang et al. 2024 (arXiv:2501.05441), relativistic pairing with R1 and R2.

Loss, penalties and Adam without momentum are the paper's, networks and rates are not. The weights are
gamma / 2, the penalties lazy, in every fourth step four times as heavy. With DCGAN's momentum of 0.5
all digits swing together from one shape to the next. On points it has deeper networks, more data
and twice the steps of the other experiments: a generator is continuous, so it lays bridges of
samples between modes, and these take long to become thin.

Digits: two thirds are readable, of all kinds; the others are knots, and strokes are soft after 3,000
steps.

python -m gan_jax.main --config=experiments/r3gan.py
python -m gan_jax.main --config=experiments/r3gan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'relativistic_paired', 'base': {'name': 'non_saturating'}}
  penalty = {'weight': 0.05 if presets.on_points(words) else 0.5, 'every': 4}
  config.gan.penalties = {'r1': dict(penalty), 'r2': dict(penalty)}
  for player in config.players.values():
    player.b1 = 0.0
  if presets.on_points(words) and not words & {'test', *presets.PROTOCOLS}:
    _long(config, words)
  return config


def _long(config: ConfigDict, words: presets.Words) -> None:
  """What it takes on the grid to have 98 % of the samples in the modes."""
  config.batch_size = 256
  config.networks.generator.hidden = (128,) * 6
  config.networks.discriminator.hidden = (128,) * 4
  for player in config.players.values():
    player.learning_rate = 2e-3
    player.b2 = 0.99
  presets.critic_steps(config, 2, words)
  config.steps = 20_000
