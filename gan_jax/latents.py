"""What a generator starts from: keys, one an example, and the priors that draw from them."""

import zlib
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import kinds, numeric

Prior = Callable[[chex.PRNGKey], jax.Array]
"""[N] keys -> float32 [N, size]; row i depends on key i alone."""


def stream(seed: int, purpose: str) -> chex.PRNGKey:
  """One key for one purpose of a run, unrelated to those for others.

  Args:
    seed: from 0 to 2**32 - 1; a larger one would be another run's.
    purpose: any text.
  """
  return jax.random.fold_in(jax.random.key(seed, impl='threefry2x32'), zlib.crc32(purpose.encode()))


def sample_keys(seed: int, first: int, num: int) -> chex.PRNGKey:
  """[num] keys of the samples number `first` and on of a seed."""
  return example_keys(stream(seed, 'samples'), jnp.arange(first, first + num))


def example_keys(key: chex.PRNGKey, rows: jax.Array) -> chex.PRNGKey:
  """[N] keys from one key and the places [N] of the examples in the global batch."""
  return jax.vmap(jax.random.fold_in, (None, 0))(key, rows)


def split(keys: chex.PRNGKey, num: int = 2) -> tuple[chex.PRNGKey, ...]:
  """`num` times [N] keys from [N] keys: `a, b = split(keys)` gives two keys to each example.

  They are those of `jax.random.split`, made one by one, so that a program makes none that nobody uses.
  """
  return tuple(jax.vmap(jax.random.fold_in, (0, None))(keys, number) for number in range(num))


def once(latent: jax.Array) -> jax.Array:
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
  kinds.check_size('size', size)
  numeric.check_finite('deviation', deviation, least=0)
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
  kinds.check_size('size', size)
  kinds.check_size('components', components)
  numeric.check_finite('deviation', deviation, least=0)
  centers = jax.random.normal(stream(seed, 'centers'), (components, size), jnp.float32)

  def draw(key: chex.PRNGKey) -> jax.Array:
    center_key, key = jax.random.split(key)
    center = jax.random.randint(center_key, (), 0, components, jnp.int32)
    return centers[center] + deviation * jax.random.normal(key, (size,), jnp.float32)

  return jax.vmap(draw)


def uniform(size: int) -> Prior:
  """Independent latents, uniform on [-1, 1); ConfigError if the size is below 1."""
  kinds.check_size('size', size)
  return jax.vmap(lambda key: jax.random.uniform(key, (size,), jnp.float32, minval=-1.0))


_OPPOSITE = 1e-3


def slerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
  """Between two latents along the arc that joins their directions: spherical linear interpolation.

  sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b, for the angle w between a and b. Latents of many
  dimensions lie near a sphere, inside which a straight line would pass where none is ever drawn. Of
  equal directions this is the straight line, and so it is, by choice, of opposite ones, which no single
  arc joins. A zero latent counts as at a right angle to any other.

  Args:
    a: [..., L].
    b: of a shape that goes with that of `a`.
    t: [...], any shape that goes with those of `a` and `b` without L; 0 gives a, and 1 gives b.

  Returns:
    [..., L], finite where a, b and t are, and so is its gradient. Where latents are parallel, opposite
    or 0 the gradient is that of weights which do not depend on the angle.

  Source: Shoemake 1985, "Animating rotation with quaternion curves"; White 2016 (arXiv:1609.04468),
    for latents. The angle: Kahan 2016, "Computing cross-products and rotations in 2- and 3-dimensional
    Euclidean spaces", p. 15, which is exact to rounding also where the cosine is near 1.
  """
  t = jnp.asarray(t)[..., None]
  u, v = _direction(a), _direction(b)
  apart, along = (numeric.length(x, keepdims=True) for x in (u - v, u + v))
  # The angle between two zero latents is 0, and its gradient would be 0 / 0.
  along = jnp.where((apart == 0) & (along == 0), 1, along)
  angle = 2 * jnp.arctan2(apart, along)
  # For sinc(0) = 1, latents that are nearly parallel need no case of their own.
  angle = jnp.where(jnp.pi - angle < _OPPOSITE, 0, angle) / jnp.pi
  weight = lambda share: share * jnp.sinc(share * angle) / jnp.sinc(angle)
  return weight(1 - t) * a + weight(t) * b


def _direction(x: jax.Array) -> jax.Array:
  length = numeric.length(x, keepdims=True)
  return x / jnp.where(length == 0, 1, length)
