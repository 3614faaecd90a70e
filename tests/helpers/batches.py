"""Batches of a source on the host."""

import jax

from gan_jax.data.source import arrays_of


def batch(source, index, rows):
  """Returns rows of a batch, which needs only the arrays of these rows."""
  arrays = arrays_of(source, index, 1, rows)
  return jax.device_get(jax.jit(source.batch)(arrays, index, rows))
