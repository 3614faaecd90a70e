"""Image datasets of the presets, and the networks and settings of experiments on them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict, FieldReference

from gan_jax.config import schema
from gan_jax.config.presets import players


class ImageData(NamedTuple):
  """An image dataset, and the length and the width with which experiments train on it.

  Attributes:
    name: `data.name`.
    size: height and width of the images.
    channels: 1 or 3.
    crop: side of the central square crop; 0 for the largest.
    features: the feature network of the evaluations in training; '' if only the network of FID
      applies, which is too slow for that.
    steps: the number of training steps.
    width: the width of the networks.
    classes: the number of labels; 0 for a dataset without labels.
  """

  name: str
  size: int
  channels: int = 3
  crop: int = 0
  features: str = ''
  steps: int = 100_000
  width: int = 64
  classes: int = 0


IMAGES = {
  'mnist': ImageData('mnist5k', 28, 1, features='digits', steps=3_000, width=32, classes=10),
  'mnist60k': ImageData('tfds:mnist', 28, 1, features='digits', steps=10_000, width=32, classes=10),
  'fashion_mnist': ImageData(
    'tfds:fashion_mnist', 28, 1, features='fashion', steps=10_000, width=32, classes=10
  ),
  'cifar10': ImageData('tfds:cifar10', 32, classes=10),
  'cifar100': ImageData('tfds:cifar100', 32, classes=100),
  'svhn_cropped': ImageData('tfds:svhn_cropped', 32, classes=10),
  # DCGAN's TensorFlow code crops 108 of 178 x 218 pixels; a crop of 178 is also common.
  'celeb_a': ImageData('tfds:celeb_a', 64, crop=108),
  'lsun': ImageData('tfds:lsun/bedroom', 64),
  'imagenet2012': ImageData('tfds:imagenet2012', 64, classes=1_000),
  'imagenet_resized': ImageData('tfds:imagenet_resized/64x64', 64, classes=1_000),
  'emoji': ImageData('folder:build/emoji', 32, steps=10_000, width=32, classes=9),
  'folder': ImageData('folder:', 64),
}
"""{word of a preset: its image dataset}."""


def image_config(data: ImageData, discriminator: Mapping[str, Any], is_test: bool) -> ConfigDict:
  """Returns a config with DCGAN's networks and settings.

  Args:
    data: the dataset.
    discriminator: fields of the discriminator, of `dcgan.Discriminator` unless they include a name.
    is_test: whether to use narrow networks.
  """
  config = schema.default()
  size = FieldReference(data.size)
  channels = FieldReference(data.channels)
  width = FieldReference(data.width)
  if 'name' not in discriminator:
    discriminator = {'name': 'dcgan.Discriminator', 'width': width, **discriminator}
  config.steps = data.steps
  config.steps_per_call = 5
  config.data = {'name': data.name, 'size': size, 'channels': channels, **_framing(data)}
  config.gan = {'prior': {'name': 'uniform', 'size': 100}}
  config.networks = {
    'generator': {'name': 'dcgan.Generator', 'size': size, 'channels': channels, 'width': width},
    'discriminator': discriminator,
  }
  config.players = {'generator': players.adam(2e-4), 'discriminator': players.adam(2e-4)}
  config.ema = {'generator': 0.999}
  config.evaluate.features = data.features or 'inception'
  if data.features:
    config.evaluate_every = 1_000
    config.evaluate.best = f'frechet_{data.features}'
  if is_test:
    width.set(8)
  return config


def _framing(data: ImageData) -> dict[str, Any]:
  """Returns the other settings of a dataset that the command line can change."""
  if ':' not in data.name:
    return {'held_out': 0}
  framing = {'crop': data.crop, 'filter': 'lanczos', 'flip': False}
  if data.name.startswith('tfds:'):
    return {**framing, 'split': 'train'}
  return {**framing, 'background': 255, 'max_corrupt_fraction': 0.05, 'held_out': 0.0}
