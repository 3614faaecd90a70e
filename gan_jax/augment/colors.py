"""Changes of an image's colors: affine maps of the channels, the same in every pixel.

A map is a matrix [C + 1, C + 1] on (color, 1), so one after another is their product. What is grey lies
on the luma axis v = (1, ..., 1) / sqrt(C). Of one channel all is grey: saturation then changes nothing.
"""

import chex
import jax
import jax.numpy as jnp


def _linear(matrix: jax.Array) -> jax.Array:
  """[C, C] -> [C + 1, C + 1]."""
  return jnp.pad(matrix, (0, 1)).at[-1, -1].set(1)


def _grey(channels: int) -> jax.Array:
  """v v^T [C, C], the projection to the luma axis."""
  return jnp.full((channels, channels), 1 / channels)


def brightness(amount: jax.Array, channels: int) -> jax.Array:
  """x + amount, a matrix [C + 1, C + 1]."""
  return jnp.eye(channels + 1).at[:-1, -1].set(amount)


def contrast(factor: jax.Array, channels: int) -> jax.Array:
  """factor x, around mid-grey 0, a matrix [C + 1, C + 1]."""
  return _linear(factor * jnp.eye(channels))


def luma_flip(flip: jax.Array, channels: int) -> jax.Array:
  """(1 - 2 flip v v^T) x, a matrix [C + 1, C + 1]: with flip = 1, dark becomes light and hues stay."""
  return _linear(jnp.eye(channels) - 2 * flip * _grey(channels))


def saturation(factor: jax.Array, channels: int) -> jax.Array:
  """v v^T x + factor (1 - v v^T) x, a matrix [C + 1, C + 1]: colors so much farther from grey."""
  grey = _grey(channels)
  return _linear(grey + factor * (jnp.eye(channels) - grey))


def hue(angle: jax.Array) -> jax.Array:
  """The turn about the luma axis by an angle in radians, a matrix [4, 4] for three channels.

  cos 1 + sin [v]x + (1 - cos) v v^T, by Rodrigues, with [v]x y the cross product of v and y.
  """
  cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / jnp.sqrt(3.0)
  cos = jnp.cos(angle)
  return _linear(cos * jnp.eye(3) + jnp.sin(angle) * cross + (1 - cos) * _grey(3))


def recolor(image: jax.Array, matrix: jax.Array) -> jax.Array:
  """Every color of an image under a map.

  Args:
    image: [H, W, C].
    matrix: [C + 1, C + 1]; of its last row nothing is used.
  """
  channels = image.shape[-1]
  chex.assert_shape(matrix, (channels + 1, channels + 1))
  matrix = matrix.astype(image.dtype)
  turned = jnp.einsum('hwc,dc->hwd', image, matrix[:-1, :-1], precision='highest')
  return turned + matrix[:-1, -1]
