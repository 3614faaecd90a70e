"""The first GAN: Goodfellow et al. 2014 (arXiv:1406.2661), on 5,000 handwritten digits.

python -m gan_jax.main --config=experiments/gan.py
python -m gan_jax.main --config=experiments/gan.py:non_saturating

A ReLU generator against a maxout discriminator with dropout, one update each, SGD with momentum.
The paper's constraint on the norms of the discriminator's weights is not here, so its rate is a
tenth of the generator's.

Seen, on two CPU cores at 4,300 to 5,600 images a second: the minimax game fails as section 3 of the
paper warns. With seed 0 the discriminator's loss is below 0.1 from step 1,000 on, the generator's
gradient fades, and at step 4,000 all samples are one and the same 1. With the preset (the other
loss, and real labels of 0.9) both go on learning, but there were only a few kinds of ragged digits
at step 4,000 (seed 0) and 5,000 (seed 1). With the other loss and real labels of 1, seed 0 failed.
"""

from ml_collections import FieldReference

from gan_jax import config as configs
from gan_jax import flavours


def get_config(preset: str = '') -> configs.Config:
  """Digits with the paper's networks, or the data and protocol that the preset says."""
  words = flavours.words(preset, 'non_saturating')
  config = flavours.start(words)
  config.gan.name = 'gan'
  config.gan.loss = {'name': 'minimax', 'real_label': 1.0}
  if not flavours.on_points(words):
    _paper(config, small='test' in words)
  if 'non_saturating' in words:
    config.gan.loss.name = 'non_saturating'
  return config


def _paper(config: configs.Config, small: bool) -> None:
  """The networks and the optimizer of the paper's MNIST model."""
  size, channels = FieldReference(28), FieldReference(1)
  config.data.size, config.data.channels = size, channels
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
  sgd = {'optimizer': 'sgd', 'momentum': 0.5, 'steps': 1}
  config.players = {
    'generator': {**sgd, 'learning_rate': 0.1},
    'discriminator': {**sgd, 'learning_rate': 0.01},
  }
  if not small:
    config.steps, config.batch_size, config.steps_per_call = 10_000, 100, 20
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1_000, 1_000
