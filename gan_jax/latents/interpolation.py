"""Interpolation between latents."""

import jax
import jax.numpy as jnp

from gan_jax.common import numerics

_OPPOSITE = 1e-3
"""Distance of the angle from pi, in radians, below which two latents count as opposite."""


def slerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
  """Interpolates between two latents along a great arc (spherical linear interpolation).

  sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b, for the angle w between a and b. Latents of many
  dimensions lie near a sphere. A straight line between them would leave the region in which the prior
  draws latents. For equal directions the arc is the straight line. Opposite directions have no unique
  arc; they get the straight line as well. A zero latent counts as orthogonal to any other.

  Args:
    a: [..., L].
    b: [..., L], broadcastable to the shape of `a`.
    t: [...], broadcastable to the shapes of `a` and `b` without L; 0 gives a, and 1 gives b.

  Returns:
    [..., L]. It and its gradient are finite if a, b and t are. If latents are parallel, opposite or 0,
    the gradient treats the weights of a and b as independent of the angle.

  Source: Shoemake 1985, "Animating rotation with quaternion curves"; White 2016 (arXiv:1609.04468),
    for latents. The angle is that of Kahan 2016, "Computing cross-products and rotations in 2- and
    3-dimensional Euclidean spaces", p. 15. It is exact to rounding even if the cosine is near 1.
  """
  t = jnp.asarray(t)[..., None]
  u, v = _direction(a), _direction(b)
  diff, total = (numerics.length(x, keepdims=True) for x in (u - v, u + v))
  # The angle between two zero latents is 0, and its gradient would be 0 / 0.
  total = jnp.where((diff == 0) & (total == 0), 1, total)
  angle = 2 * jnp.arctan2(diff, total)
  # sinc(0) is 1, so nearly parallel latents need no special case.
  angle = jnp.where(jnp.pi - angle < _OPPOSITE, 0, angle) / jnp.pi
  weight = lambda fraction: fraction * jnp.sinc(fraction * angle) / jnp.sinc(angle)
  return weight(1 - t) * a + weight(t) * b


def _direction(x: jax.Array) -> jax.Array:
  length = numerics.length(x, keepdims=True)
  return x / jnp.where(length == 0, 1, length)
