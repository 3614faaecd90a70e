"""Presets: starting points of experiments, with the data, networks, and length that their words select.

A preset consists of words joined by '-'. One word selects the data (default: mnist), and 'test'
shortens the run to seconds. For 2-D points, one word may select the protocol of a paper. An experiment
may define further words.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FieldReference

from gan_jax.common.errors import ConfigError
from gan_jax.config.presets.images import IMAGES, image_config
from gan_jax.config.presets.players import fade_out
from gan_jax.config.presets.points_2d import CLASSES, PLANE, POINTS, SMALL_PRODUCTS, point_config
from gan_jax.config.presets.protocols import PROTOCOLS

__all__ = [
  'IMAGES',
  'PLANE',
  'POINTS',
  'PROTOCOLS',
  'SMALL_PRODUCTS',
  'WORDS',
  'Words',
  'classes',
  'critic_steps',
  'diffaugment',
  'fade_out',
  'label_count',
  'last_for',
  'on_points',
  'score_also',
  'start',
  'start_with_labels',
  'start_with_r1',
  'words',
]

WORDS = (*IMAGES, *POINTS, *PROTOCOLS, 'test')
"""The words that all experiments know."""

Words = frozenset[str]
Fields = Mapping[str, Any]


def words(preset: str, *extra: str) -> Words:
  """Returns the words of a preset.

  Args:
    preset: the text after the colon in --config=FILE:preset.
    *extra: words that only this experiment knows.

  Raises:
    ConfigError: a word is unknown, or two words exclude each other.
  """
  # Imported lazily: it imports JAX, without which `gan-jax list` starts at once.
  from gan_jax.common import lookup

  given = [word for word in preset.split('-') if word]
  known = (*WORDS, *extra)
  for word in given:
    lookup.choose(word, known)
  for group in ((*IMAGES, *POINTS), PROTOCOLS):
    both = [word for word in group if word in given]
    if len(both) > 1:
      raise ConfigError(f'preset={preset}: {" and ".join(both)} exclude each other; choose one')
  if set(PROTOCOLS) & set(given) and not set(PLANE) & set(given):
    raise ConfigError(
      f'preset={preset}: the protocols {", ".join(PROTOCOLS)} need 2-D points ({", ".join(PLANE)}); '
      'add one of these'
    )
  return frozenset(given)


def on_points(chosen: Words) -> bool:
  """Returns whether the data are points, not images."""
  return bool(chosen & set(POINTS))


def label_count(chosen: Words) -> int:
  """Returns the number of labels of the data; 0 for data without labels."""
  if on_points(chosen):
    return sum(CLASSES.get(word, 0) for word in chosen & set(POINTS))
  (word,) = chosen & IMAGES.keys() or {'mnist'}
  return IMAGES[word].classes


def classes(chosen: Words) -> int:
  """Returns the number of labels of the data, for an experiment that needs them.

  The labels of a folder are counted when it is read. Until `gan.classes` says their number, it is 2.

  Raises:
    ConfigError: the data has no labels.
  """
  count = 2 if 'folder' in chosen else label_count(chosen)
  if not count:
    labeled = [*(name for name, data in IMAGES.items() if data.classes), 'folder', *CLASSES]
    raise ConfigError(
      f'preset={"-".join(sorted(chosen))}: this data has no labels, which the experiment needs (with '
      f'labels: {", ".join(labeled)}); choose one of these'
    )
  return count


def start(chosen: Words, images: Fields = {}, points: Fields = {}) -> ConfigDict:
  """Returns a config with everything but the game, to which an experiment adds its settings.

  Args:
    chosen: the words of the preset.
    images: fields of the discriminator on images, of `dcgan.Discriminator` unless they include a name.
    points: fields of the discriminator on points, of `mlp_2d.Discriminator` unless they include a name.
  """
  is_test = 'test' in chosen
  if on_points(chosen):
    (name,) = chosen & set(POINTS)
    config = point_config(name, points, is_test)
  else:
    (word,) = chosen & IMAGES.keys() or {'mnist'}
    config = image_config(IMAGES[word], images, is_test)
  for protocol, apply in PROTOCOLS.items():
    if protocol in chosen:
      if points:
        raise ConfigError(
          f'preset={protocol}: this protocol sets the discriminator, and so does this experiment; '
          'leave out the protocol'
        )
      apply(config)
  if is_test:
    _shorten(config)
  return config


def start_with_r1(chosen: Words) -> ConfigDict:
  """Returns the non-saturating game with the R1 penalty; on images Adam has no momentum."""
  config = start(chosen, images={'norm': 'none'})
  config.gan.name = 'two_player'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.penalties = {'r1': {'weight': 0.05 if on_points(chosen) else 0.5, 'every': 4}}
  if not on_points(chosen):
    for player in config.players.values():
      player.b1 = 0.0
  return config


def start_with_labels(chosen: Words, classes: int) -> ConfigDict:
  """Returns a config of a projection discriminator with spectral norm.

  A discriminator soon remembers the few thousand emoji, so it sees them augmented.

  Args:
    chosen: the words of the preset.
    classes: number of labels, to which a flag can set `gan.classes` of the config; with 0 the game and
      its networks have no labels.
  """
  count = FieldReference(classes)
  fields = {'norm': 'spectral', 'classes': count}
  config = start(chosen, images=fields, points=fields)
  config.networks.generator.classes = count
  config.gan.name = 'projection' if classes else 'two_player'
  config.gan.classes = count
  if 'emoji' in chosen:
    config.gan.augment = diffaugment()
  return config


def diffaugment() -> dict[str, Any]:
  """Returns the augmentations of Zhao et al. 2020 (arXiv:2006.10738), all three kinds of them."""
  return {'name': 'diffaugment', 'policy': ('color', 'translation', 'cutout')}


def critic_steps(config: ConfigDict, count: int, chosen: Words) -> None:
  """Sets the discriminator updates per step, and reduces the steps to compensate for their time."""
  config.players.discriminator.updates_per_step = count
  if 'update_transforms' in config.players.discriminator:
    fade_out(config, 'discriminator', count)
  last_for(config, chosen, images=1_500, points=3_000)


def score_also(config: ConfigDict, *scores: str) -> None:
  """Adds scores, see `gan_jax.evaluation.scores`, to the evaluations in training, if there are any."""
  if config.evaluate_every:
    config.evaluate.scores = (*config.evaluate.scores, *scores)


def last_for(config: ConfigDict, chosen: Words, images: int, points: int) -> None:
  """Sets the number of steps on points and on digits, except in tests and in protocols of papers."""
  others = IMAGES.keys() - {'mnist'}
  if not chosen & {'test', *PROTOCOLS, *others}:
    config.steps = points if on_points(chosen) else images


def _shorten(config: ConfigDict) -> None:
  config.steps = 8
  config.batch_size = 16
  config.steps_per_call = 2
  config.log_every = 2
  config.sample_every = 4
  config.checkpoint_every = 4
  config.evaluate_every = 0
  config.evaluate.num = 50
