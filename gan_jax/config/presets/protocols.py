"""Protocols of papers for experiments on 2-D points."""

from ml_collections import ConfigDict

from gan_jax.config.presets import players


def _pacgan(config: ConfigDict) -> None:
  """Applies the settings of PacGAN's 2-D experiments (arXiv:1712.04086) and of their code.

  PacGAN trains on 100,000 fixed points for 400 epochs. This protocol samples new points for every
  batch.
  """
  config.steps = 400_000
  config.batch_size = 100
  config.update_rule = 'simultaneous'
  config.gan.prior = {'name': 'normal', 'size': 2}
  generator = config.networks.generator
  generator.hidden = (400,) * 4
  generator.batch_norm = True
  generator.weights = 0.02
  config.networks.discriminator = {'name': 'mlp_2d.Maxout', 'hidden': (200,) * 3, 'pieces': 5}
  config.players = {
    'generator': players.adam(1e-4, b1=0.8),
    'discriminator': players.adam(1e-4, b1=0.8),
  }
  config.ema = {}


def _veegan(config: ConfigDict) -> None:
  """Applies the known settings of VEEGAN's 2-D experiments (arXiv:1705.07761).

  The paper gives no settings. These are from a later version of its notebook.
  """
  config.steps = 25_000
  config.batch_size = 500
  config.gan.prior = {'name': 'normal', 'size': 254}
  config.networks.generator.hidden = (128, 128)
  config.networks.discriminator.hidden = (128,)
  config.networks.discriminator.activation = 'relu'
  config.players = {'generator': players.adam(1e-3), 'discriminator': players.adam(1e-3)}
  config.ema = {}


PROTOCOLS = {'pacgan': _pacgan, 'veegan': _veegan}
"""{word of a preset: the function that applies the protocol to a config}."""
