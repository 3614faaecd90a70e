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
from gan_jax.data.mnist5k import digits
from gan_jax.data.source import Source, flattened, unflattened
from gan_jax.metrics.stacked_mnist import Stacks


def load(seed: int, batch_size: int, *, size: int = 28, channels: int = 3) -> Source:
  """Returns a source of images of three digits, drawn independently: all modes are equally likely.

  It has no epochs, since there are 1.25e11 images: row i of batch n is a function of the seed, n, and
  i. The label is 100 a + 10 b + c for the digits a, b, c in red, green, blue; see `stacked_mnist`.

  Args:
    seed: the seed of the images.
    batch_size: the global batch size.
    size: height and width. The original size is 28; others are resized (bicubic).
    channels: 3.

  Raises:
    ConfigError: `size` or `channels` is out of range.

  Source: Metz et al. 2017 (arXiv:1611.02163), section 3.3.1; Lin et al. 2018 (arXiv:1712.04086),
    section 4.2.
  """
  if channels != 3:
    raise ConfigError(
      f'data.channels={channels}: not supported (stacked digits have 3); set data.channels to 3'
    )
  images, labels = digits(size)
  key = np.asarray(jax.random.key_data(rng.key_for(seed, 'stacks')))

  def batch(arrays, batch_index, rows):
    batch_key = jax.random.fold_in(jax.random.wrap_key_data(arrays['key']), batch_index)
    indices = jax.vmap(_three_indices, (0, None))(rng.example_keys(batch_key, rows), len(images))
    digit_images = unflattened(arrays['image'][indices], (size, size))
    real = normalized(jnp.moveaxis(digit_images, 1, -1))
    return {'real': real, 'label': arrays['label'][indices] @ jnp.array([100, 10, 1])}

  arrays = {'image': flattened(images), 'label': labels, 'key': key}
  return Source(arrays, batch, modes=Stacks())


def _three_indices(key: chex.PRNGKey, total: int) -> jax.Array:
  return jax.random.randint(key, (3,), 0, total)
