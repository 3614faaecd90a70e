"""DCGAN: Radford et al. 2016 (arXiv:1511.06434), on 5,000 handwritten digits."""

from ml_collections import ConfigDict, FieldReference

from gan_jax import config as configs


def get_config(preset: str = '') -> ConfigDict:
  """The full run, or with 'test' seconds of it."""
  size, channels, width = FieldReference(28), FieldReference(1), FieldReference(64)
  config = configs.default()
  config.steps = 6000
  config.steps_per_call = 5
  config.data = {'name': 'mnist5k', 'size': size, 'channels': channels}
  config.gan = {'name': 'dcgan', 'real_label': 1.0, 'prior': {'name': 'uniform', 'size': 100}}
  config.networks = {
    'generator': {'name': 'dcgan.Generator', 'size': size, 'channels': channels, 'width': width},
    'discriminator': {'name': 'dcgan.Discriminator', 'width': width},
  }
  adam = {'optimizer': 'adam', 'learning_rate': 2e-4, 'b1': 0.5, 'steps': 1}
  config.players = {'generator': adam, 'discriminator': adam}
  config.ema = {'generator': 0.999}
  if preset == 'test':
    width.set(8)
    config.update({'steps': 8, 'batch_size': 16, 'steps_per_call': 2})
    config.update({'log_every': 2, 'sample_every': 4, 'checkpoint_every': 4})
  return config
