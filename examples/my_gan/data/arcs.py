"""A data source: a file with `load`. A config sets `data.name` to 'arcs'."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import rng
from gan_jax.data.source import Source


def load(seed: int, batch_size: int, *, count: int = 2, noise: float = 0.05) -> Source:
  """Returns a source of points on `count` half circles of radius 1, in a row.

  Args:
    seed: of the points.
    batch_size: the global batch size; not used.
    count: of half circles, at least 1; they open downward and upward in turn.
    noise: standard deviation of the points around them.
  """
  key = np.asarray(jax.random.key_data(rng.key_for(seed, 'arcs')))

  def draw(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    which_key, angle_key, noise_key = jax.random.split(key, 3)
    which = jax.random.randint(which_key, (), 0, count)
    angle = jnp.pi * jax.random.uniform(angle_key)
    side = 1 - 2 * (which % 2)
    center = jnp.stack([which - (count - 1) / 2, 0.0])
    point = center + jnp.stack([jnp.cos(angle), side * jnp.sin(angle)])
    return point + noise * jax.random.normal(noise_key, (2,)), which

  def batch(arrays, batch_index, rows):
    """Returns rows of a batch, a function of the seed, the batch index and the rows alone."""
    batch_key = jax.random.fold_in(jax.random.wrap_key_data(arrays['key']), batch_index)
    real, label = jax.vmap(draw)(rng.example_keys(batch_key, rows))
    return {'real': real, 'label': label}

  return Source({'key': key}, batch)
