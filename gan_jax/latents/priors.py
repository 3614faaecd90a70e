"""Priors of the latents of a generator."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.common import numerics, rng, validation

Prior = Callable[[chex.PRNGKey], jax.Array]
"""[N] keys -> float32 [N, size]; row i depends on key i alone."""


def materialize(latent: jax.Array) -> jax.Array:
  """Finite latents as they are, which a program for CPU makes once.

  XLA:CPU puts what is cheap into everything that reads it, so that a thin first layer would draw its
  latents for each of its units. A division is not cheap to it, and by 1 changes nothing.
  """
  return lax.platform_dependent(latent, cpu=lambda x: x / (1 + 0 * x), default=lambda x: x)


def normal(size: int, deviation: float = 1.0) -> Prior:
  """Independent normal latents around 0.

  Raises:
    ConfigError: the size is below 1.
    ValueError: the deviation is negative or not finite.
  """
  validation.check_size('size', size)
  numerics.check_finite('deviation', deviation, least=0)
  return jax.vmap(lambda key: deviation * jax.random.normal(key, (size,), jnp.float32))


def mixture(size: int, components: int, deviation: float, seed: int = 0) -> Prior:
  """Normal latents around one of several centers, equally likely, which lets a generator be torn.

  A continuous generator of connected latents must lay a bridge between any two modes; between
  components that are far apart it costs no samples. The centers are standard normal, and fixed.

  Args:
    size: of a latent.
    components: how many centers.
    deviation: around a center; small against the distance between centers.
    seed: of the centers.

  Raises:
    ConfigError: the size or the number of components is below 1.
    ValueError: the deviation is negative or not finite.

  Source: the fixed form of Gurumurthy et al. 2017 (arXiv:1706.02071), section 3.
  """
  validation.check_size('size', size)
  validation.check_size('components', components)
  numerics.check_finite('deviation', deviation, least=0)
  centers = jax.random.normal(rng.key_for(seed, 'centers'), (components, size), jnp.float32)

  def draw(key: chex.PRNGKey) -> jax.Array:
    center_key, key = jax.random.split(key)
    center = jax.random.randint(center_key, (), 0, components, jnp.int32)
    return centers[center] + deviation * jax.random.normal(key, (size,), jnp.float32)

  return jax.vmap(draw)


def uniform(size: int) -> Prior:
  """Independent latents, uniform on [-1, 1); ConfigError if the size is below 1."""
  validation.check_size('size', size)
  return jax.vmap(lambda key: jax.random.uniform(key, (size,), jnp.float32, minval=-1.0))


FACTORIES = (
  mixture,
  normal,
  uniform,
)
"""The priors that a config can name."""
