"""DCGAN: Radford et al. 2016 (arXiv:1511.06434), on 5,000 handwritten digits."""

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
