"""DCGAN: Radford et al. 2016 (arXiv:1511.06434), on 5,000 handwritten digits.

python -m gan_jax.main --config=experiments/dcgan.py

Adam, its rate, batch norm, activations and initial weights are the paper's. The batch is 64 for its
128, and the width 32 for its 128, for the sake of time. In colour at 64 x 64, with the paper's width
(size, channels and width are set for both networks at once):

... --config.data.size=64 --config.data.channels=3 --config.networks.generator.width=128

Seen: seed 0 on two CPU cores takes about ten minutes, at 1,100 to 1,700 images a second. Digits can be
read from step 1,500 on; at 10,000 the samples are of all ten kinds, a few of 64 unreadable
(docs/dcgan.png).
"""

from ml_collections import FieldReference

from gan_jax import config as configs


def get_config(preset: str = '') -> configs.Config:
  """The full run, or with 'test' seconds of it."""
  configs.check_preset(preset, 'test')
  size, channels, width = FieldReference(28), FieldReference(1), FieldReference(32)
  config = configs.default()
  config.steps = 10_000
  config.steps_per_call = 5
  config.data = {'name': 'mnist5k', 'size': size, 'channels': channels}
  config.gan = {'name': 'dcgan', 'real_label': 1.0, 'prior': {'name': 'uniform', 'size': 100}}
  config.networks = {
    'generator': {'name': 'dcgan.Generator', 'size': size, 'channels': channels, 'width': width},
    'discriminator': {'name': 'dcgan.Discriminator', 'width': width},
  }
  adam = {'optimizer': 'adam', 'learning_rate': 2e-4, 'b1': 0.5, 'steps': 1}
  config.players = {'generator': dict(adam), 'discriminator': dict(adam)}
  config.ema = {'generator': 0.999}
  if preset == 'test':
    width.set(8)
    config.steps, config.batch_size, config.steps_per_call = 8, 16, 2
    config.log_every, config.sample_every, config.checkpoint_every = 2, 4, 4
  return config
