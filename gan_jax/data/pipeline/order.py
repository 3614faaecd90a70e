"""The order in which batches hold the examples of a dataset, and which images are mirrored."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import rng


class Order(NamedTuple):
  """The settings that determine which examples a batch holds.

  Two sources of one order hold corresponding examples in each row, and mirror the same rows.

  Attributes:
    seed: the seed of the permutations and of the flips.
    batch_size: the global batch size.
    total: the number of examples.
    flip: whether each image is mirrored left to right with probability one half.
    selection: the digest of the indices of the examples in their dataset; 'all' for all of them.
  """

  seed: int
  batch_size: int
  total: int
  flip: bool = False
  selection: str = 'all'

  @property
  def per_epoch(self) -> int:
    """The number of batches in an epoch."""
    return self.total // self.batch_size

  def key(self, purpose: str) -> chex.PRNGKey:
    """Returns the key of one purpose: 'order' for the permutations, 'flip' for the flips."""
    return rng.key_for(self.seed, purpose)

  def flipped(
    self, real: jax.Array, key: chex.PRNGKey, batch_index: jax.Array, rows: jax.Array
  ) -> jax.Array:
    """Returns the images of a batch, each mirrored with probability one half if `flip` is set."""
    if not self.flip:
      return real
    keys = rng.example_keys(jax.random.fold_in(key, batch_index), rows)
    is_flipped = jax.vmap(jax.random.bernoulli)(keys)
    return jnp.where(is_flipped[:, None, None, None], real[:, :, ::-1], real)
