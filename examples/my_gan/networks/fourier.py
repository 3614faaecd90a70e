"""A network: Flax modules, listed in `__all__`. A config names this one `fourier.Discriminator`."""

import jax
import jax.numpy as jnp
from flax import linen as nn

__all__ = ['Discriminator']


class Discriminator(nn.Module):
  """Points [B, D] -> logits [B], from sines and cosines of learned frequencies.

  Attributes:
    frequencies: how many.
  """

  frequencies: int = 64

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key: jax.Array | None = None) -> jax.Array:
    """Returns the logits of points; `train` and `key` are not used."""
    angles = nn.Dense(self.frequencies)(points)
    waves = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
    return nn.Dense(1)(nn.relu(nn.Dense(self.frequencies)(waves)))[:, 0]
