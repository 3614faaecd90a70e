"""SAGAN: Zhang et al. 2019 (arXiv:1805.08318).

Residual networks with self-attention and spectral norm, the projection discriminator, the hinge loss,
and a higher learning rate for the discriminator. Loss, optimizer and learning rates are the paper's.
The networks of digits are narrow. The presets `cifar10` and `imagenet2012` have the paper's widths and
batches. On ImageNet they train on 128 x 128 pixels, for as many steps as BigGAN's table 1 gives. Data
without labels trains the same networks without labels.

python -m gan_jax.main --config=experiments/sagan.py
python -m gan_jax.main --config=experiments/sagan.py:emoji
python -m gan_jax.main --config=experiments/sagan.py:ring

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 95.6 % of the samples of high quality,
  95.6 % at the mode of their label
- grid: 25.0 of 25 modes, 95.5 % of the samples of high quality,
  95.5 % at the mode of their label

Resolved hyperparameters:

- update_rule: alternating
- steps: 5000
- batch_size: 64
- gan.classes: 10
- gan.loss.name: hinge
- gan.name: projection
- gan.prior.name: normal
- gan.prior.size: 128
- networks.discriminator.attention: 14
- networks.discriminator.classes: 10
- networks.discriminator.name: resnet.Discriminator
- networks.discriminator.norm: spectral
- networks.discriminator.width: 32
- networks.generator.attention: 14
- networks.generator.channels: 1
- networks.generator.classes: 10
- networks.generator.name: resnet.Generator
- networks.generator.size: 28
- networks.generator.spectral: true
- networks.generator.width: 32
- players.discriminator.b1: 0.0
- players.discriminator.b2: 0.9
- players.discriminator.learning_rate: 0.0004
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.0
- players.generator.b2: 0.9
- players.generator.learning_rate: 0.0001
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset)
  classes = presets.label_count(words)
  config = presets.start_with_labels(words, classes)
  config.gan.loss = {'name': 'hinge'}
  if not presets.on_points(words):
    _use_residual_networks(config, words)
  for player, learning_rate in {'generator': 1e-4, 'discriminator': 4e-4}.items():
    config.players[player].learning_rate = learning_rate
    config.players[player].b1 = 0.0
    config.players[player].b2 = 0.9
  if classes:
    presets.score_also(config, 'label_accuracy')
  presets.last_for(config, words, images=5_000, points=10_000)
  return config


def _use_residual_networks(config: ConfigDict, words: presets.Words) -> None:
  generator, discriminator = {'attention': 16}, {'attention': 8}
  is_test = 'test' in words
  width = 8 if is_test else 32
  if 'imagenet2012' in words and not is_test:
    config.data.size = 128
    config.batch_size = 256
    config.steps = 1_000_000
    generator, discriminator, width = {'attention': 32}, {'attention': 32, 'wide': True}, 64
  elif 'cifar10' in words and not is_test:
    width = 128
  elif config.data.size == 28:
    generator, discriminator = {'attention': 14}, {'attention': 14}
  config.gan.prior = {'name': 'normal', 'size': 128}
  config.networks = {
    'generator': {
      'name': 'resnet.Generator',
      'size': config.data.get_ref('size'),
      'channels': config.data.get_ref('channels'),
      'width': width,
      'classes': config.gan.get_ref('classes'),
      'spectral': True,
      **generator,
    },
    'discriminator': {
      'name': 'resnet.Discriminator',
      'width': width,
      'classes': config.gan.get_ref('classes'),
      'norm': 'spectral',
      **discriminator,
    },
  }
