"""What experiments have in common: the data, networks and lengths that the words of a preset choose.

A preset is words joined by '-': one that says the data (mnist unless said), for points one that says
a paper's protocol, 'test' for seconds of the run, and words of the experiment's own.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import FieldReference

from gan_jax import config as configs
from gan_jax import names
from gan_jax.errors import ConfigError

PLANE = ('ring', 'grid', 'swiss_roll')
POINTS = (*PLANE, 'mixture_1200')
PROTOCOLS = ('pacgan', 'veegan')

Words = frozenset[str]
Fields = Mapping[str, Any]


def words(preset: str, *own: str) -> Words:
  """The words of a preset.

  Args:
    preset: what follows the colon in --config=FILE:preset.
    *own: words that only this experiment knows.

  Raises:
    ConfigError: a word that there is not, or two that exclude each other.
  """
  given = [word for word in preset.split('-') if word]
  known = ('mnist', *POINTS, *PROTOCOLS, 'test', *own)
  for word in given:
    names.choose(word, known)
  for group in (('mnist', *POINTS), PROTOCOLS):
    if len(set(group) & set(given)) > 1:
      raise ConfigError(f'the preset {preset!r} asks for two of: {", ".join(group)}; choose one')
  if set(PROTOCOLS) & set(given) and not set(PLANE) & set(given):
    raise ConfigError(
      f'{", ".join(PROTOCOLS)} are for points of a plane; say which: {", ".join(PLANE)}'
    )
  return frozenset(given)


def on_points(chosen: Words) -> bool:
  """Whether the data are points, not images."""
  return bool(chosen & set(POINTS))


def start(chosen: Words, images: Fields = {}, points: Fields = {}) -> configs.Config:
  """A config with everything but the game; an experiment sets what is its own in it.

  Args:
    chosen: the words of the preset.
    images: fields of the discriminator on images, `dcgan.Discriminator` unless they name another.
    points: the same on points, `points.Discriminator` unless they name another.
  """
  if not on_points(chosen):
    return _images(chosen, images)
  config = _points(chosen, {'name': 'points.Discriminator', **points})
  for protocol, change in (('pacgan', _pacgan), ('veegan', _veegan)):
    if protocol in chosen:
      if points:
        raise ConfigError(f'the protocol {protocol} has a discriminator of its own; leave it out here')
      change(config)
  if 'test' in chosen:
    _shorten(config)
  return config


def critic_steps(config: configs.Config, count: int, chosen: Words) -> None:
  """Gives the discriminator `count` updates a step, and for the time they take fewer steps."""
  config.players.discriminator.steps = count
  if 'after' in config.players.discriminator:
    fade_out(config, 'discriminator', count)
  last_for(config, chosen, images=1_500, points=3_000)


def last_for(config: configs.Config, chosen: Words, images: int, points: int) -> None:
  """Sets the number of steps, unless the preset is a test or has a paper's."""
  if not chosen & {'test', *PROTOCOLS}:
    config.steps = points if on_points(chosen) else images


def fade_out(config: configs.Config, player: str, updates: int = 1) -> None:
  """Lets a player's changes go down to 0 in the second half of the run.

  Args:
    config: whose number of steps says when.
    player: its name.
    updates: of the player in a step.
  """
  end = config.get_ref('steps') * updates
  after = config.players[player].get('after', {})
  config.players[player].after = {**after, 'linear_decay': {'begin': end // 2, 'end': end}}


def _adam(rate: float, b1: float = 0.5) -> dict[str, Any]:
  return {'optimizer': 'adam', 'learning_rate': rate, 'b1': b1, 'steps': 1}


def _images(chosen: Words, judge: Fields) -> configs.Config:
  """Digits, with DCGAN's networks and settings."""
  config = configs.default()
  size, channels, width = FieldReference(28), FieldReference(1), FieldReference(32)
  if 'name' not in judge:
    judge = {'name': 'dcgan.Discriminator', 'width': width, **judge}
  config.steps, config.steps_per_call = 3_000, 5
  config.data = {'name': 'mnist5k', 'size': size, 'channels': channels}
  config.gan = {'prior': {'name': 'uniform', 'size': 100}}
  config.networks = {
    'generator': {'name': 'dcgan.Generator', 'size': size, 'channels': channels, 'width': width},
    'discriminator': judge,
  }
  config.players = {'generator': _adam(2e-4), 'discriminator': _adam(2e-4)}
  config.ema = {'generator': 0.999}
  config.evaluate_every = 1_000
  config.evaluate.update({'features': 'digits', 'best': 'frechet_digits'})
  if 'test' in chosen:
    width.set(8)
    _shorten(config)
  return config


def _points(chosen: Words, judge: dict[str, Any]) -> configs.Config:
  """Points, with networks and settings of our own; the rates go down to 0 in the second half."""
  config = configs.default()
  hidden = (16, 16) if 'test' in chosen else (128, 128, 128)
  (name,) = chosen & set(POINTS)
  size = 1200 if name == 'mixture_1200' else 2
  config.steps, config.batch_size, config.steps_per_call = 10_000, 128, 100
  config.log_every, config.sample_every, config.checkpoint_every = 500, 1_000, 5_000
  config.data = {'name': name}
  config.gan = {'prior': {'name': 'normal', 'size': 2}}
  config.networks = {
    'generator': {'name': 'points.Generator', 'size': size, 'hidden': hidden},
    'discriminator': {'hidden': hidden, **judge},
  }
  config.players = {'generator': _adam(1e-3), 'discriminator': _adam(1e-3)}
  for player in config.players:
    fade_out(config, player)
  config.ema = {'generator': 0.999}
  config.evaluate.features = 'coordinates'
  return config


def _pacgan(config: configs.Config) -> None:
  """The 2-D experiments of PacGAN (arXiv:1712.04086), with the settings of its code.

  It trains on 100,000 fixed points for 400 epochs; here every batch is drawn anew.
  """
  config.steps, config.batch_size, config.update = 400_000, 100, 'simultaneous'
  config.gan.prior = {'name': 'normal', 'size': 2}
  generator = config.networks.generator
  generator.hidden, generator.batch_norm, generator.weights = (400,) * 4, True, 0.02
  config.networks.discriminator = {'name': 'points.Maxout', 'hidden': (200,) * 3, 'pieces': 5}
  config.players = {'generator': _adam(1e-4, b1=0.8), 'discriminator': _adam(1e-4, b1=0.8)}
  config.ema = {}


def _veegan(config: configs.Config) -> None:
  """The 2-D experiments of VEEGAN (arXiv:1705.07761), as far as they are known.

  The paper gives no settings; these are those of a later version of its notebook.
  """
  config.steps, config.batch_size = 25_000, 500
  config.gan.prior = {'name': 'normal', 'size': 254}
  config.networks.generator.hidden = (128, 128)
  config.networks.discriminator.hidden = (128,)
  config.networks.discriminator.activation = 'relu'
  config.players = {'generator': _adam(1e-3), 'discriminator': _adam(1e-3)}
  config.ema = {}


def _shorten(config: configs.Config) -> None:
  config.steps, config.batch_size, config.steps_per_call = 8, 16, 2
  config.log_every, config.sample_every, config.checkpoint_every = 2, 4, 4
  config.evaluate_every, config.evaluate.num = 0, 50
