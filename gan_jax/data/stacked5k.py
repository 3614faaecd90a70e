"""Stacked MNIST: three handwritten digits as the color channels of one image, with 1,000 modes.

This is the standard test of mode collapse on images. Published scores use all of MNIST. This source
uses the 5,000 digits of `mnist5k`, so each class has fewer different images.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.pixels import normalized
from gan_jax.data import mnist5k
from gan_jax.data.source import HELD_OUT, Source, flattened, unflattened
from gan_jax.metrics.stacked_mnist import Stacks


def load(seed: int, batch_size: int, *, size: int = 28, channels: int = 3, held_out: int = 0) -> Source:
  """Returns a source of images of three digits, drawn independently: all modes are equally likely.

  It has no epochs, since there are 1.25e11 images: row i of batch n is a function of the seed, n, and
  i. The label is 100 a + 10 b + c for the digits a, b, c in red, green, blue; see `stacked_mnist`.

  Args:
    seed: the seed of the images.
    batch_size: the global batch size.
    size: height and width. The original size is 28; others are resized (bicubic).
    channels: 3.
    held_out: the number of digits of each class that training never sees, see `mnist5k.load`. Held-out
      images stack only these digits, and images of training stack only the others.

  Raises:
    ConfigError: `size`, `channels` or `held_out` is out of range.

  Source: Metz et al. 2017 (arXiv:1611.02163), section 3.3.1; Lin et al. 2018 (arXiv:1712.04086),
    section 4.2.
  """
  if channels != 3:
    raise ConfigError(
      f'data.channels={channels}: not supported (stacked digits have 3); set data.channels to 3'
    )
  images, labels = mnist5k.digits(size)
  is_held_out = mnist5k.last_of_each_class(labels, held_out)

  def make_held_out() -> Source:
    if not held_out:
      raise ConfigError(mnist5k.NONE_HELD_OUT)
    stacks = _stacks(images[is_held_out], labels[is_held_out], rng.key_for(seed, HELD_OUT))
    return stacks._replace(split=HELD_OUT)

  training = _stacks(images[~is_held_out], labels[~is_held_out], rng.key_for(seed, 'stacks'))
  return training._replace(held_out=make_held_out)


def _stacks(images: np.ndarray, labels: np.ndarray, key: chex.PRNGKey) -> Source:
  """Returns a source of stacks of digits [N, size, size] of these classes [N]."""
  size = images.shape[1]

  def batch(arrays, batch_index, rows):
    batch_key = jax.random.fold_in(jax.random.wrap_key_data(arrays['key']), batch_index)
    indices = jax.vmap(_three_indices, (0, None))(rng.example_keys(batch_key, rows), len(images))
    digit_images = unflattened(arrays['image'][indices], (size, size))
    real = normalized(jnp.moveaxis(digit_images, 1, -1))
    return {'real': real, 'label': arrays['label'][indices] @ jnp.array([100, 10, 1])}

  key_data = np.asarray(jax.random.key_data(key))
  arrays = {'image': flattened(images), 'label': labels, 'key': key_data}
  return Source(arrays, batch, modes=Stacks())


def _three_indices(key: chex.PRNGKey, total: int) -> jax.Array:
  return jax.random.randint(key, (3,), 0, total)
