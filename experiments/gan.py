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


def get_config(preset: str = '') -> configs.Config:
  """The full run, the same with the non-saturating loss, or with 'test' seconds of it."""
  configs.check_preset(preset, 'test', 'non_saturating')
  size, channels = FieldReference(28), FieldReference(1)
  config = configs.default()
  config.steps = 10_000
  config.batch_size = 100
  config.steps_per_call = 20
  config.data = {'name': 'mnist5k', 'size': size, 'channels': channels}
  config.gan = {
    'name': 'gan',
    'loss': {'name': 'minimax', 'real_label': 1.0},
    'prior': {'name': 'uniform', 'size': 100},
  }
  config.networks = {
    'generator': {
      'name': 'mlp.Generator',
      'size': size,
      'channels': channels,
      'hidden': (1200, 1200),
      'init_range': 0.05,
    },
    'discriminator': {
      'name': 'mlp.MaxoutDiscriminator',
      'hidden': (240, 240),
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
  config.ema = {'generator': 0.999}
  config.sample_every = config.checkpoint_every = 1000
  config.log_every = 100
  if preset == 'non_saturating':
    config.gan.loss.name, config.gan.loss.real_label = 'non_saturating', 0.9
  if preset == 'test':
    config.steps, config.batch_size, config.steps_per_call = 8, 16, 2
    config.log_every, config.sample_every, config.checkpoint_every = 2, 4, 4
    config.networks.generator.hidden = (32, 32)
    config.networks.discriminator.hidden = (16, 16)
  return config
