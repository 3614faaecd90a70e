"""Sources of examples, one a file: load(seed, batch_size, **settings) -> Source.

A batch is a pure function of the seed and the number of the draw, and each of its rows can be had
alone: every device makes its own rows of the global batch, whatever the number of devices.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import latents
from gan_jax.data.order import shuffled
from gan_jax.errors import ConfigError


class Source(NamedTuple):
  """Where batches come from.

  Attributes:
    arrays: what every device holds, at rest: images are uint8.
    batch: (arrays, draw, rows [b]) -> {'real': float32 [b, ...], 'label': int32 [b]}, the given rows
      of the global batch number `draw`; it runs inside the compiled step.
    modes: of a mixture, see `points.Modes`; None where they are not known.
    images: the whole set, uint8 [N, height, width, channels]; None of data drawn afresh.
    split: which part of the data set they are, for whoever compares scores.
  """

  arrays: Mapping[str, np.ndarray]
  batch: Callable[[Mapping[str, chex.Array], chex.Array, chex.Array], Mapping[str, chex.Array]]
  modes: Any = None
  images: np.ndarray | None = None
  split: str = 'train'


def normalized(images: chex.Array) -> chex.Array:
  """Images at rest, uint8 of any shape, as a network sees them: float32 in [-1, 1]."""
  return (2 * images.astype(jnp.float32) - 255) / 255


def resident(images: np.ndarray, labels: np.ndarray, *, seed: int, batch_size: int) -> Source:
  """A source that fits in the memory of a device.

  Each epoch is a permutation of its own, cut into whole batches; the few images that are left over
  are others in every epoch.

  Args:
    images: uint8 [N, height, width, channels].
    labels: int32 [N].
    seed: of the order.
    batch_size: global.

  Raises:
    ConfigError: a batch is larger than the set.
  """
  total = len(images)
  if batch_size > total:
    raise ConfigError(f'batch_size is {batch_size}, but the data has {total} images; lower it')
  per_epoch = total // batch_size

  def batch(arrays, draw, rows):
    key = jax.random.fold_in(latents.stream(seed, 'order'), draw // per_epoch)
    chosen = shuffled(key, draw % per_epoch * batch_size + rows, total)
    return {'real': normalized(arrays['image'][chosen]), 'label': arrays['label'][chosen]}

  return Source({'image': images, 'label': labels}, batch, images=images)
