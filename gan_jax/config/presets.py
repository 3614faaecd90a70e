"""What experiments have in common: the data, networks and lengths that the words of a preset choose.

A preset is words joined by '-': one that says the data (mnist unless said), for points one that says
a paper's protocol, 'test' for seconds of the run, and words of the experiment's own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict, FieldReference

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.config import schema

PLANE = ('ring', 'grid', 'swiss_roll')
POINTS = (*PLANE, 'mixture_1200')
PROTOCOLS = ('pacgan', 'veegan')


class Pictures(NamedTuple):
  """A set of images, and how long and wide it is trained on.

  Attributes:
    name: of the data.
    size: height and width.
    channels: 1 or 3.
    crop: the side of the square in the middle of a picture that is kept; 0: the largest.
    features: by which feature network it is scored as it trains; '' where the one to compare by, that
      of FID, is too slow for that.
    steps: of training.
    width: of the networks.
  """

  name: str
  size: int
  channels: int = 3
  crop: int = 0
  features: str = ''
  steps: int = 100_000
  width: int = 64


IMAGES = {
  'mnist': Pictures('mnist5k', 28, 1, features='digits', steps=3_000, width=32),
  'mnist60k': Pictures('tfds:mnist', 28, 1, features='digits', steps=10_000, width=32),
  'fashion_mnist': Pictures('tfds:fashion_mnist', 28, 1, features='fashion', steps=10_000, width=32),
  'cifar10': Pictures('tfds:cifar10', 32),
  'cifar100': Pictures('tfds:cifar100', 32),
  'svhn_cropped': Pictures('tfds:svhn_cropped', 32),
  # The crop of 108 of 178 x 218 pixels is that of DCGAN's TensorFlow code; 178 is usual as well.
  'celeb_a': Pictures('tfds:celeb_a', 64, crop=108),
  'lsun': Pictures('tfds:lsun/bedroom', 64),
  'imagenet2012': Pictures('tfds:imagenet2012', 64),
  'imagenet_resized': Pictures('tfds:imagenet_resized/64x64', 64),
  'emoji': Pictures('folder:build/emoji', 32, steps=10_000, width=32),
  'folder': Pictures('folder:', 64),
}
"""The words that say images."""

SMALL_PRODUCTS = {'cpu': {'xla_cpu_experimental_ynn_fusion_type': ''}}
"""Leaves products of matrices to Eigen: those of small networks are faster so, of large ones slower."""

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
  known = (*IMAGES, *POINTS, *PROTOCOLS, 'test', *own)
  for word in given:
    lookup.choose(word, known)
  for group in ((*IMAGES, *POINTS), PROTOCOLS):
    both = [word for word in group if word in given]
    if len(both) > 1:
      raise ConfigError(f'the preset {preset!r} asks for both {" and ".join(both)}; choose one')
  if set(PROTOCOLS) & set(given) and not set(PLANE) & set(given):
    raise ConfigError(
      f'{", ".join(PROTOCOLS)} are for points of a plane; say which: {", ".join(PLANE)}'
    )
  return frozenset(given)


def on_points(chosen: Words) -> bool:
  """Whether the data are points, not images."""
  return bool(chosen & set(POINTS))


def start(chosen: Words, images: Fields = {}, points: Fields = {}) -> ConfigDict:
  """A config with everything but the game; an experiment sets what is its own in it.

  Args:
    chosen: the words of the preset.
    images: fields of the discriminator on images, `dcgan.Discriminator` unless they name another.
    points: the same on points, `mlp_2d.Discriminator` unless they name another.
  """
  if not on_points(chosen):
    return _images(chosen, images)
  config = _points(chosen, {'name': 'mlp_2d.Discriminator', **points})
  for protocol, change in (('pacgan', _pacgan), ('veegan', _veegan)):
    if protocol in chosen:
      if points:
        raise ConfigError(f'the protocol {protocol} has a discriminator of its own; leave it out here')
      change(config)
  if 'test' in chosen:
    _shorten(config)
  return config


def start_with_r1(chosen: Words) -> ConfigDict:
  """The non-saturating game with the R1 penalty, and on images Adam without momentum."""
  config = start(chosen, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.penalties = {'r1': {'weight': 0.05 if on_points(chosen) else 0.5, 'every': 4}}
  if not on_points(chosen):
    for player in config.players.values():
      player.b1 = 0.0
  return config


def critic_steps(config: ConfigDict, count: int, chosen: Words) -> None:
  """Gives the discriminator `count` updates a step, and for the time they take fewer steps."""
  config.players.discriminator.updates_per_step = count
  if 'update_transforms' in config.players.discriminator:
    fade_out(config, 'discriminator', count)
  last_for(config, chosen, images=1_500, points=3_000)


def last_for(config: ConfigDict, chosen: Words, images: int, points: int) -> None:
  """Sets the number of steps on points and on digits, unless the preset is a test or a paper's."""
  others = IMAGES.keys() - {'mnist'}
  if not chosen & {'test', *PROTOCOLS, *others}:
    config.steps = points if on_points(chosen) else images


def fade_out(config: ConfigDict, player: str, updates: int = 1) -> None:
  """Lets a player's changes go down to 0 in the second half of the run.

  Args:
    config: whose number of steps says when.
    player: its name.
    updates: of the player in a step.
  """
  end = config.get_ref('steps') * updates
  after = config.players[player].get('update_transforms', {})
  config.players[player].update_transforms = {**after, 'linear_decay': {'begin': end // 2, 'end': end}}


def _adam(rate: float, b1: float = 0.5) -> dict[str, Any]:
  return {'optimizer': 'adam', 'learning_rate': rate, 'b1': b1, 'updates_per_step': 1}


def _images(chosen: Words, judge: Fields) -> ConfigDict:
  """Images, digits unless others are said, with DCGAN's networks and settings."""
  config, (word,) = schema.default(), chosen & IMAGES.keys() or {'mnist'}
  shown = IMAGES[word]
  size, channels = FieldReference(shown.size), FieldReference(shown.channels)
  width = FieldReference(shown.width)
  if 'name' not in judge:
    judge = {'name': 'dcgan.Discriminator', 'width': width, **judge}
  config.steps = shown.steps
  config.steps_per_call = 5
  config.data = {'name': shown.name, 'size': size, 'channels': channels, **_framing(shown)}
  config.gan = {'prior': {'name': 'uniform', 'size': 100}}
  config.networks = {
    'generator': {'name': 'dcgan.Generator', 'size': size, 'channels': channels, 'width': width},
    'discriminator': judge,
  }
  config.players = {'generator': _adam(2e-4), 'discriminator': _adam(2e-4)}
  config.ema = {'generator': 0.999}
  config.evaluate.features = shown.features or 'inception'
  if shown.features:
    config.evaluate_every = 1_000
    config.evaluate.best = f'frechet_{shown.features}'
  if 'test' in chosen:
    width.set(8)
    _shorten(config)
  return config


def _framing(shown: Pictures) -> Fields:
  """What else can be set of a set of pictures from the command line."""
  if ':' not in shown.name:
    return {}
  of_files = {'background': 255, 'max_corrupt_fraction': 0.05}
  own = {'split': 'train'} if shown.name.startswith('tfds:') else of_files
  return {'crop': shown.crop, 'filter': 'lanczos', 'flip': False, **own}


def _points(chosen: Words, judge: dict[str, Any]) -> ConfigDict:
  """Points, with networks and settings of our own; the rates go down to 0 in the second half."""
  config = schema.default()
  hidden = (16, 16) if 'test' in chosen else (128, 128, 128)
  (name,) = chosen & set(POINTS)
  size = 1200 if name == 'mixture_1200' else 2
  config.steps = 10_000
  config.batch_size = 128
  config.steps_per_call = 100
  config.log_every = 500
  config.sample_every = 1_000
  config.checkpoint_every = 5_000
  config.data = {'name': name}
  config.compiler_options = SMALL_PRODUCTS
  config.gan = {'prior': {'name': 'normal', 'size': 2}}
  config.networks = {
    'generator': {'name': 'mlp_2d.Generator', 'size': size, 'hidden': hidden},
    'discriminator': {'hidden': hidden, **judge},
  }
  config.players = {'generator': _adam(1e-3), 'discriminator': _adam(1e-3)}
  for player in config.players:
    fade_out(config, player)
  config.ema = {'generator': 0.999}
  config.evaluate.features = 'coordinates'
  return config


def _pacgan(config: ConfigDict) -> None:
  """The 2-D experiments of PacGAN (arXiv:1712.04086), with the settings of its code.

  It trains on 100,000 fixed points for 400 epochs; here every batch is drawn anew.
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
  config.players = {'generator': _adam(1e-4, b1=0.8), 'discriminator': _adam(1e-4, b1=0.8)}
  config.ema = {}


def _veegan(config: ConfigDict) -> None:
  """The 2-D experiments of VEEGAN (arXiv:1705.07761), as far as they are known.

  The paper gives no settings; these are those of a later version of its notebook.
  """
  config.steps = 25_000
  config.batch_size = 500
  config.gan.prior = {'name': 'normal', 'size': 254}
  config.networks.generator.hidden = (128, 128)
  config.networks.discriminator.hidden = (128,)
  config.networks.discriminator.activation = 'relu'
  config.players = {'generator': _adam(1e-3), 'discriminator': _adam(1e-3)}
  config.ema = {}


def _shorten(config: ConfigDict) -> None:
  config.steps = 8
  config.batch_size = 16
  config.steps_per_call = 2
  config.log_every = 2
  config.sample_every = 4
  config.checkpoint_every = 4
  config.evaluate_every = 0
  config.evaluate.num = 50
