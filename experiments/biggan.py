"""BigGAN: Brock et al. 2019 (arXiv:1809.11096).

SAGAN with a class embedding that all normalizations share, latents that enter at every stage,
orthogonal initial weights and regularization, and two discriminator updates per step. The networks of
digits are narrow. The preset `imagenet2012` has the paper's settings for 128 x 128 pixels, and as many
steps as its table 1 gives. With the word `deep` the networks are those of BigGAN-deep. The preset
`cifar10` has narrower networks and smaller batches. Data without labels trains the same networks
without labels.

python -m gan_jax.main --config=experiments/biggan.py
python -m gan_jax.main --config=experiments/biggan.py:emoji
python -m gan_jax.main --config=experiments/biggan.py:ring

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 96.3 % of the samples of high quality,
  96.3 % at the mode of their label
- grid: 25.0 of 25 modes, 82.0 % of the samples of high quality,
  82.0 % at the mode of their label

Resolved hyperparameters:

- update_rule: alternating
- steps: 3000
- batch_size: 64
- gan.classes: 10
- gan.loss.name: hinge
- gan.name: projection
- gan.prior.name: normal
- gan.prior.size: 120
- networks.discriminator.attention: 14
- networks.discriminator.bottleneck: false
- networks.discriminator.classes: 10
- networks.discriminator.name: resnet.Discriminator
- networks.discriminator.orthogonal: true
- networks.discriminator.wide: true
- networks.discriminator.width: 32
- networks.generator.attention: 14
- networks.generator.bottleneck: false
- networks.generator.channels: 1
- networks.generator.classes: 10
- networks.generator.name: resnet.Generator
- networks.generator.orthogonal: true
- networks.generator.shared: 32
- networks.generator.size: 28
- networks.generator.spectral: true
- networks.generator.split_latents: true
- networks.generator.width: 32
- players.discriminator.b1: 0.0
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 2
- players.generator.b1: 0.0
- players.generator.gradient_transforms.add_orthogonal_gradient.weight: 0.0001
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from typing import Any

from ml_collections import ConfigDict

from gan_jax.config import presets

WORDS = ('deep',)


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`, or of the word `deep`."""
  words = presets.words(preset, *WORDS)
  classes = presets.label_count(words)
  config = presets.start_with_labels(words, classes)
  config.gan.loss = {'name': 'hinge'}
  if not presets.on_points(words):
    _use_residual_networks(config, words)
  rates = {'generator': 5e-5, 'discriminator': 2e-4}
  for player, learning_rate in rates.items():
    config.players[player].learning_rate = learning_rate if 'imagenet2012' in words else 2e-4
    config.players[player].b1 = 0.0
  config.players.generator.gradient_transforms = {'add_orthogonal_gradient': {'weight': 1e-4}}
  presets.critic_steps(config, 2, words)
  if 'imagenet2012' in words:
    config.ema.generator = 0.9999
  if classes:
    presets.score_also(config, 'label_accuracy')
  presets.last_for(config, words, images=3_000, points=5_000)
  return config


def _use_residual_networks(config: ConfigDict, words: presets.Words) -> None:
  is_deep, is_test = 'deep' in words, 'test' in words
  is_large = 'imagenet2012' in words and not is_test
  width, attention = 8 if is_test else 32, 14
  if is_large:
    config.data.size = 128
    config.batch_size = 2048
    config.steps = 165_000
    width, attention = 128 if is_deep else 96, 64
  elif config.data.size != 28:
    attention = 16
  if 'cifar10' in words and not is_test:
    width = 64
  both: dict[str, Any] = {
    'width': width,
    'classes': config.gan.get_ref('classes'),
    'attention': attention,
    'orthogonal': True,
    'bottleneck': is_deep,
  }
  shared = 128 if is_large else 32
  config.gan.prior = {'name': 'normal', 'size': 128 if is_deep else 120}
  config.networks = {
    'generator': {
      'name': 'resnet.Generator',
      'size': config.data.get_ref('size'),
      'channels': config.data.get_ref('channels'),
      'spectral': True,
      'split_latents': not is_deep,
      'shared': shared if config.gan.classes else 0,
      **both,
    },
    'discriminator': {'name': 'resnet.Discriminator', 'wide': True, **both},
  }
