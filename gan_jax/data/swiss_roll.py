"""The Swiss roll in two dimensions: a single curve without modes."""

import chex
import jax
import jax.numpy as jnp

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline import synthetic
from gan_jax.data.source import Source


def load(seed: int, batch_size: int, *, noise: float = 0.25, scale: float = 7.5) -> Source:
  """Returns a source of points on the spiral t (cos t, sin t) / scale, with Gaussian noise.

  The parameter t is uniform on [1.5 pi, 4.5 pi).

  Args:
    seed: the seed of the points.
    batch_size: the global batch size.
    noise: the standard deviation of the noise before scaling, at least 0.
    scale: the divisor of the coordinates, positive.

  Raises:
    ConfigError: `scale` is not positive, or `noise` is negative.

  Source: Gulrajani et al. 2017 (arXiv:1704.00028), figure 2, with the settings of its code.
  """
  synthetic.check_positive(scale=scale)
  if noise < 0:
    raise ConfigError(f'noise={noise!r}: out of range (a number of at least 0); change noise')

  def draw(key: chex.PRNGKey) -> tuple[jax.Array, jax.Array]:
    turn_key, noise_key = jax.random.split(key)
    t = 1.5 * jnp.pi * (1 + 2 * jax.random.uniform(turn_key))
    curve = t * jnp.stack([jnp.cos(t), jnp.sin(t)])
    return (curve + noise * jax.random.normal(noise_key, (2,))) / scale, jnp.int32(0)

  return synthetic.source(draw, seed)
