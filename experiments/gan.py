"""The first GAN: Goodfellow et al. 2014 (arXiv:1406.2661).

On digits the networks are the paper's, a ReLU generator and a maxout discriminator with dropout. The
loss is minimax; the word `non_saturating` selects the other loss of section 3. The optimizer is Adam
instead of the paper's SGD with momentum: with SGD the minimax game collapses to one image.

python -m gan_jax.main --config=experiments/gan.py
python -m gan_jax.main --config=experiments/gan.py:non_saturating

Training time: about 11 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 6.9 of 8 modes, 96.4 % of the samples of high quality
- grid: 24.3 of 25 modes, 69.0 % of the samples of high quality

Digits: Most are clearly readable, of all kinds, with ragged edges. A quarter are faint, broken or not
digits.

Resolved hyperparameters:

- update_rule: alternating
- steps: 10000
- batch_size: 100
- gan.loss.name: minimax
- gan.loss.real_label: 1.0
- gan.name: gan
- gan.prior.name: uniform
- gan.prior.size: 100
- networks.discriminator.hidden: [240, 240]
- networks.discriminator.hidden_dropout: 0.5
- networks.discriminator.init_range: 0.005
- networks.discriminator.input_dropout: 0.2
- networks.discriminator.name: mlp.MaxoutDiscriminator
- networks.discriminator.pieces: 5
- networks.generator.channels: 1
- networks.generator.hidden: [1200, 1200]
- networks.generator.init_range: 0.05
- networks.generator.name: mlp.Generator
- networks.generator.size: 28
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.5
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets

WORDS = ('non_saturating',)


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset, *WORDS)
  config = presets.start(words)
  config.gan.name = 'gan'
  config.gan.loss = {'name': 'minimax', 'real_label': 1.0}
  if not presets.on_points(words):
    _use_paper_networks(config, small='test' in words)
  if 'non_saturating' in words:
    config.gan.loss.name = 'non_saturating'
  return config


def _use_paper_networks(config: ConfigDict, small: bool) -> None:
  """Sets the networks and the batch size of the paper's MNIST model."""
  size, channels = config.data.get_ref('size'), config.data.get_ref('channels')
  config.networks = {
    'generator': {
      'name': 'mlp.Generator',
      'size': size,
      'channels': channels,
      'hidden': (32, 32) if small else (1200, 1200),
      'init_range': 0.05,
    },
    'discriminator': {
      'name': 'mlp.MaxoutDiscriminator',
      'hidden': (16, 16) if small else (240, 240),
      'pieces': 5,
      'input_dropout': 0.2,
      'hidden_dropout': 0.5,
      'init_range': 0.005,
    },
  }
  if not small:
    config.steps = 10_000
    config.batch_size = 100
    config.steps_per_call = 20
    config.log_every = 100
    config.sample_every = 1_000
    config.checkpoint_every = 1_000
