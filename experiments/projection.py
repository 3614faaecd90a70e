"""Projection discriminator: Miyato & Koyama 2018 (arXiv:1802.05637).

The discriminator adds the inner product of a label's embedding and the features of an example to its
logit. It has spectral norm, and the generator has conditional batch norm. Loss, optimizer and its
settings are the paper's. To save time the networks are those of DCGAN, and the discriminator has one
update per step instead of five.

python -m gan_jax.main --config=experiments/projection.py
python -m gan_jax.main --config=experiments/projection.py:ring

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 99.9 % of the samples of high quality,
  99.9 % at the mode of their label
- grid: 25.0 of 25 modes, 99.2 % of the samples of high quality,
  99.2 % at the mode of their label

Resolved hyperparameters:

- update_rule: alternating
- steps: 10000
- batch_size: 64
- gan.classes: 10
- gan.loss.name: hinge
- gan.name: projection
- gan.prior.name: uniform
- gan.prior.size: 100
- networks.discriminator.classes: 10
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: spectral
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.classes: 10
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.0
- players.discriminator.b2: 0.9
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.0
- players.generator.b2: 0.9
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
  config = presets.start_with_labels(words, presets.classes(words))
  config.gan.loss = {'name': 'hinge'}
  if not presets.on_points(words):
    for player in config.players.values():
      player.b1 = 0.0
      player.b2 = 0.9
  presets.score_also(config, 'label_accuracy')
  presets.last_for(config, words, images=10_000, points=10_000)
  return config
