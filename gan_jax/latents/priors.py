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
  """Returns finite latents unchanged, in a form that XLA:CPU computes only once.

  XLA:CPU recomputes cheap operations in each consumer, so a thin first layer would draw its latents
  again for each of its units. XLA does not count a division as cheap, and a division by 1 changes no
  value.
  """
  return lax.platform_dependent(latent, cpu=lambda x: x / (1 + 0 * x), default=lambda x: x)


def normal(size: int, std: float = 1.0) -> Prior:
  """Returns the prior of independent normal latents with mean 0.

  Args:
    size: of a latent, at least 1.
    std: standard deviation, at least 0.

  Raises:
    ConfigError: the size is below 1.
    ValueError: `std` is negative or not finite.
  """
  validation.check_size('size', size)
  numerics.check_finite('std', std, least=0)
  return jax.vmap(lambda key: std * jax.random.normal(key, (size,), jnp.float32))


def mixture(size: int, components: int, std: float, seed: int = 0) -> Prior:
  """Returns the prior of an equally weighted mixture of normal latents.

  A continuous generator maps connected latents to connected samples, so some samples lie between any
  two modes. If the components are far apart, few latents lie between them. The centers are standard
  normal and fixed.

  Args:
    size: of a latent, at least 1.
    components: number of centers, at least 1.
    std: standard deviation around a center, at least 0; small compared to the distance of the centers.
    seed: of the centers.

  Raises:
    ConfigError: the size or the number of components is below 1.
    ValueError: `std` is negative or not finite.

  Source: the fixed form of Gurumurthy et al. 2017 (arXiv:1706.02071), section 3.
  """
  validation.check_size('size', size)
  validation.check_size('components', components)
  numerics.check_finite('std', std, least=0)
  centers = jax.random.normal(rng.key_for(seed, 'centers'), (components, size), jnp.float32)

  def draw(key: chex.PRNGKey) -> jax.Array:
    center_key, key = jax.random.split(key)
    center = jax.random.randint(center_key, (), 0, components, jnp.int32)
    return centers[center] + std * jax.random.normal(key, (size,), jnp.float32)

  return jax.vmap(draw)


def uniform(size: int) -> Prior:
  """Returns the prior of independent latents that are uniform on [-1, 1).

  Args:
    size: of a latent, at least 1.

  Raises:
    ConfigError: the size is below 1.
  """
  validation.check_size('size', size)
  return jax.vmap(lambda key: jax.random.uniform(key, (size,), jnp.float32, minval=-1.0))


FACTORIES = (
  mixture,
  normal,
  uniform,
)
"""The priors that a config can name."""
