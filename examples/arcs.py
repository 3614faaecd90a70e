"""An experiment with the parts of the package my_gan, on points in the plane.

cd examples
python -m gan_jax train --extend=my_gan --config=arcs.py
python -m gan_jax train --extend=my_gan --config=arcs.py:d2gan

The words of the preset: 'd2gan' selects the game of my_gan, and 'test' a run of seconds.
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset."""
  words = presets.words(preset, 'd2gan')
  config = presets.start(words | {'ring'})
  config.data = {'name': 'arcs', 'count': 3}
  config.evaluate.features = 'polar'
  config.evaluate.scores = ('frechet_distance', 'mean_gap')
  critic = {'name': 'fourier.Discriminator', 'frequencies': 16 if 'test' in words else 64}
  if 'd2gan' in words:
    config.gan.name = 'd2gan'
    config.networks = {'generator': config.networks.generator, 'first': critic, 'second': critic}
    player = config.players.discriminator
    config.players = {'generator': config.players.generator, 'first': player, 'second': player}
  else:
    config.networks.discriminator = critic
    config.gan.name = 'two_player'
    config.gan.loss = {'name': 'exponential', 'limit': 4.0}
    config.gan.penalties = {'small_logits': {'weight': 0.1}}
  return config
