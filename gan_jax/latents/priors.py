"""Priors of the latents of a generator."""

import dataclasses
import math
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np
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


@dataclasses.dataclass(frozen=True)
class Normal:
  """A prior of independent normal latents with mean 0, see `normal`.

  Attributes:
    size: of a latent.
    std: standard deviation.
  """

  size: int
  std: float

  def __call__(self, key: chex.PRNGKey) -> jax.Array:
    """Returns latents [N, size] from keys [N]."""
    return jax.vmap(lambda k: self.std * jax.random.normal(k, (self.size,), jnp.float32))(key)

  def truncated(self, threshold: float) -> Prior:
    """Returns the distribution of these latents on the condition that all components are small.

    It is that of latents whose components are drawn again while they are too large. Here each component
    comes from the inverse of its distribution function, at the uniform number of the untruncated one.
    It has the same sign as the untruncated component, and tends to it as the threshold grows.

    Args:
      threshold: the largest absolute value of a component in standard deviations, above 0.

    Source: Brock et al. 2019 (arXiv:1809.11096), section 3.1.
    """
    # The uniform numbers are those of jax.random.normal.
    lowest = np.nextafter(np.float32(-1), np.float32(0))
    inside = lax.erf(jnp.float32(threshold / math.sqrt(2)))

    def draw(key: chex.PRNGKey) -> jax.Array:
      uniform = jax.random.uniform(key, (self.size,), jnp.float32, lowest, 1.0)
      standard = np.float32(math.sqrt(2)) * lax.erf_inv(inside * uniform)
      return self.std * jnp.clip(standard, -threshold, threshold)

    return jax.vmap(draw)


def normal(size: int, std: float = 1.0) -> Normal:
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
  return Normal(size, std)


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
