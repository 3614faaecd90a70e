"""Color transformations of an image: affine maps of the channels, the same in every pixel.

A map is a matrix [C + 1, C + 1] that acts on (color, 1); a composition is a matrix product. Gray colors
lie on the luma axis v = (1, ..., 1) / sqrt(C). Images of one channel are gray, so `saturation` does not
change them.
"""

import chex
import jax
import jax.numpy as jnp


def _linear(matrix: jax.Array) -> jax.Array:
  """Returns the affine map of a linear one, [C, C] -> [C + 1, C + 1]."""
  return jnp.pad(matrix, (0, 1)).at[-1, -1].set(1)


def _gray(channels: int) -> jax.Array:
  """Returns v v^T [C, C], the projection to the luma axis."""
  return jnp.full((channels, channels), 1 / channels)


def brightness(amount: jax.Array, channels: int) -> jax.Array:
  """Returns the map x + amount, a matrix [C + 1, C + 1]."""
  return jnp.eye(channels + 1).at[:-1, -1].set(amount)


def contrast(factor: jax.Array, channels: int) -> jax.Array:
  """Returns the map factor x, which keeps the middle gray 0, a matrix [C + 1, C + 1]."""
  return _linear(factor * jnp.eye(channels))


def luma_flip(flip: jax.Array, channels: int) -> jax.Array:
  """Returns the map (1 - 2 flip v v^T) x, a matrix [C + 1, C + 1].

  flip = 1 exchanges dark and light without a change of hues; flip = 0 changes nothing.
  """
  return _linear(jnp.eye(channels) - 2 * flip * _gray(channels))


def saturation(factor: jax.Array, channels: int) -> jax.Array:
  """Returns the map v v^T x + factor (1 - v v^T) x, a matrix [C + 1, C + 1].

  It multiplies the distance of a color from gray by `factor`.
  """
  gray = _gray(channels)
  return _linear(gray + factor * (jnp.eye(channels) - gray))


def hue(angle: jax.Array) -> jax.Array:
  """Returns the rotation about the luma axis for three channels, a matrix [4, 4].

  cos 1 + sin [v]x + (1 - cos) v v^T (Rodrigues' formula), with [v]x y the cross product of v and y.

  Args:
    angle: in radians.
  """
  cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / jnp.sqrt(3.0)
  cos = jnp.cos(angle)
  return _linear(cos * jnp.eye(3) + jnp.sin(angle) * cross + (1 - cos) * _gray(3))


def recolor(image: jax.Array, matrix: jax.Array) -> jax.Array:
  """Applies a map to every color of an image.

  Args:
    image: [H, W, C].
    matrix: [C + 1, C + 1]; its last row is not used.

  Returns:
    [H, W, C].
  """
  channels = image.shape[-1]
  chex.assert_shape(matrix, (channels + 1, channels + 1))
  matrix = matrix.astype(image.dtype)
  linear = jnp.einsum('hwc,dc->hwd', image, matrix[:-1, :-1], precision='highest')
  return linear + matrix[:-1, -1]
