"""Interpolation between latents."""

import jax
import jax.numpy as jnp

from gan_jax.common import numerics

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
  apart, along = (numerics.length(x, keepdims=True) for x in (u - v, u + v))
  # The angle between two zero latents is 0, and its gradient would be 0 / 0.
  along = jnp.where((apart == 0) & (along == 0), 1, along)
  angle = 2 * jnp.arctan2(apart, along)
  # For sinc(0) = 1, latents that are nearly parallel need no case of their own.
  angle = jnp.where(jnp.pi - angle < _OPPOSITE, 0, angle) / jnp.pi
  weight = lambda share: share * jnp.sinc(share * angle) / jnp.sinc(angle)
  return weight(1 - t) * a + weight(t) * b


def _direction(x: jax.Array) -> jax.Array:
  length = numerics.length(x, keepdims=True)
  return x / jnp.where(length == 0, 1, length)
