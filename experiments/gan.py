"""The first GAN: Goodfellow et al. 2014 (arXiv:1406.2661).

Digits: plainly readable and of all kinds, with ragged edges; a quarter are faint, broken or no digit.

python -m gan_jax.main --config=experiments/gan.py
python -m gan_jax.main --config=experiments/gan.py:non_saturating

On digits a ReLU generator against a maxout discriminator with dropout, the paper's networks, by the
minimax loss, or with the word 'non_saturating' by the other one of section 3. The optimizer is Adam,
for the paper's SGD with momentum: with SGD the minimax game collapsed to one image, and the other
learned a few ragged kinds of digits.
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits with the paper's networks, or the data and protocol that the preset says."""
  words = presets.words(preset, 'non_saturating')
  config = presets.start(words)
  config.gan.name = 'gan'
  config.gan.loss = {'name': 'minimax', 'real_label': 1.0}
  if not presets.on_points(words):
    _paper(config, small='test' in words)
  if 'non_saturating' in words:
    config.gan.loss.name = 'non_saturating'
  return config


def _paper(config: ConfigDict, small: bool) -> None:
  """The networks of the paper's MNIST model."""
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
