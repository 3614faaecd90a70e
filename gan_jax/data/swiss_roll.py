"""The Swiss roll in two dimensions: one curve, no modes."""

import chex
import jax
import jax.numpy as jnp

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.synthetic import source
from gan_jax.data.source import Source


def load(seed: int, batch_size: int, *, noise: float = 0.25, scale: float = 7.5) -> Source:
  """A spiral t (cos t, sin t) with t on [1.5 pi, 4.5 pi), blurred and scaled down.

  Args:
    seed: of the points.
    batch_size: global.
    noise: standard deviation of the blur, before scaling.
    scale: what the coordinates are divided by.

  Raises:
    ConfigError: the scale is not positive.

  Source: Gulrajani et al. 2017 (arXiv:1704.00028), figure 2, with the settings of its code.
  """
  if scale <= 0 or noise < 0:
    raise ConfigError('scale must be positive and noise at least 0')

  def draw(key: chex.PRNGKey) -> tuple[jax.Array, jax.Array]:
    turn_key, noise_key = jax.random.split(key)
    t = 1.5 * jnp.pi * (1 + 2 * jax.random.uniform(turn_key))
    curve = t * jnp.stack([jnp.cos(t), jnp.sin(t)])
    return (curve + noise * jax.random.normal(noise_key, (2,))) / scale, jnp.int32(0)

  return source(draw, seed)
