"""Batches of a source on the host."""

import jax
import numpy as np

from gan_jax.data.source import arrays_of


def batch(source, index, rows):
  """Returns rows of a batch, which needs only the arrays of these rows."""
  arrays = arrays_of(source, index, 1, rows)
  return jax.device_get(jax.jit(source.batch)(arrays, index, rows))


IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 1), np.uint8)
LABELS = np.arange(40, dtype=np.int32) % 3
BATCH = 8
ROWS = np.arange(BATCH)
"""A small dataset of images in three classes, and the rows of a batch of it."""
