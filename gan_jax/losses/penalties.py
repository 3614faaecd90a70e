"""Gradient penalties and other regularizers of a critic or a generator, as pure functions.

A critic is a function of points, [B, ...] -> [B]. Its output for an example must depend on that example
only. With batch norm in training it does not, and the penalties lose their meaning. The same holds for
a generator and its latents. The caller multiplies by the weight (lambda, gamma / 2). Penalties come
into a game by `gan_jax.losses.regularizers` and `gan_jax.losses.generator_regularizers`.
"""

import math
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics

Critic = Callable[[jax.Array], jax.Array]


def _squared_norm(x: jax.Array) -> jax.Array:
  """Returns the squared Euclidean norm of each example, [B, ...] -> [B]."""
  return (_flat(x) ** 2).sum(axis=-1)


def _flat(x: jax.Array) -> jax.Array:
  """Flattens examples, [B, ...] -> [B, D]; B may be 0."""
  return x.reshape(len(x), math.prod(x.shape[1:]))


def norm(x: jax.Array) -> jax.Array:
  """Returns the Euclidean norm of each example, [B, ...] -> [B]; at 0 its gradient is 0, not NaN."""
  return numerics.length(_flat(x))


def _gradient(critic: Critic, points: jax.Array) -> jax.Array:
  """Returns the gradient of each output with respect to its example, [B, ...] -> [B, ...]."""

  def total(points: jax.Array) -> jax.Array:
    outputs = critic(points)
    chex.assert_shape(outputs, (len(points),))
    return outputs.sum()

  return jax.grad(total)(points)


def gradient_norm(critic: Critic, points: jax.Array) -> jax.Array:
  """Returns the norm of the critic's gradient at each point, over all axes but the first.

  Args:
    critic: [B, ...] -> [B].
    points: [B, ...].

  Returns:
    [B]. Where the gradient is 0, the norm and the gradient of the norm are 0.
  """
  return norm(_gradient(critic, points))


def interpolate(key: chex.PRNGKey, real: jax.Array, fake: jax.Array) -> jax.Array:
  """Draws points on the lines between real and fake examples.

  They are e real + (1 - e) fake, with one e ~ U[0, 1) per example.

  Args:
    key: [B] keys.
    real: [B, ...].
    fake: of the shape of `real`.

  Returns:
    [B, ...].

  Source: Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1, line 6.
  """
  chex.assert_equal_shape([real, fake])
  chex.assert_axis_dimension(key, 0, len(real))
  fraction = jax.vmap(jax.random.uniform)(key).reshape(-1, *(1,) * (real.ndim - 1))
  return fraction * real + (1 - fraction) * fake


def gradient_penalty(
  critic: Critic, points: jax.Array, target: float = 1.0, one_sided: bool = False
) -> jax.Array:
  """Returns (|grad critic| - target)^2 at each point, or its one-sided form.

  The one-sided form is max(0, |grad critic| - target)^2.

  Args:
    critic: [B, ...] -> [B].
    points: [B, ...], see `interpolate` and `dragan_points`.
    target: the desired gradient norm, at least 0.
    one_sided: whether only larger norms are penalized.

  Returns:
    [B].

  Source: Gulrajani et al. 2017 (arXiv:1704.00028), equation 3; the one-sided form, Petzka et al. 2018
    (arXiv:1709.08894), equation 8.
  """
  excess = gradient_norm(critic, points) - target
  return (jax.nn.relu(excess) if one_sided else excess) ** 2


def zero_centered(critic: Critic, points: jax.Array) -> jax.Array:
  """Returns |grad critic|^2 at each point: R1 for real points, R2 for fake ones.

  The usual weight is gamma / 2.

  Args:
    critic: [B, ...] -> [B].
    points: [B, ...].

  Returns:
    [B].

  Source: Mescheder et al. 2018 (arXiv:1801.04406), equations 9 and 10.
  """
  return _squared_norm(_gradient(critic, points))


def dragan_points(key: chex.PRNGKey, real: jax.Array, std: jax.Array, scale: float = 0.5) -> jax.Array:
  """Draws points between real examples and noisy copies of them.

  They are x + e (x' - x), with one e ~ U[0, 1) per example, and x' = x + scale * std * U[0, 1) in every
  coordinate.

  Args:
    key: [B] keys.
    real: [B, ...].
    std: scalar, the standard deviation of all coordinates of the whole batch.
    scale: of the noise; 1/2 in the authors' code.

  Returns:
    [B, ...].

  Source: Kodali et al. 2017 (arXiv:1705.07215), section 2.3; the noise is that of its code.
  """

  def shift(key: chex.PRNGKey) -> jax.Array:
    noise_key, fraction_key = jax.random.split(key)
    return jax.random.uniform(fraction_key) * jax.random.uniform(noise_key, real.shape[1:])

  return real + scale * std * jax.vmap(shift)(key)


def jacobian_squared_norm(function: Critic, points: jax.Array) -> jax.Array:
  """Returns the squared Frobenius norm of the Jacobian of the outputs for each example.

  Args:
    function: [B, ...] -> [B, D]; reverse mode runs D times.
    points: [B, ...].

  Returns:
    [B].
  """
  outputs, backward = jax.vjp(function, points)
  chex.assert_rank(outputs, 2)
  each = jnp.eye(outputs.shape[1], dtype=outputs.dtype)[:, None].repeat(len(points), axis=1)
  gradients = jax.vmap(lambda directions: backward(directions)[0])(each)
  return jax.vmap(_squared_norm)(gradients).sum(axis=0)


def lecam(
  real_logits: jax.Array, fake_logits: jax.Array, real_mean: jax.Array, fake_mean: jax.Array
) -> jax.Array:
  """Returns (D(real) - fake_mean)^2 + (D(fake) - real_mean)^2, [B] and [B] -> [B].

  Args:
    real_logits: [B].
    fake_logits: [B].
    real_mean: scalar, a moving average of real logits over past steps.
    fake_mean: the same for fake logits.

  Source: Tseng et al. 2021 (arXiv:2104.03310), equation 3.
  """
  chex.assert_equal_shape([real_logits, fake_logits])
  return (real_logits - fake_mean) ** 2 + (fake_logits - real_mean) ** 2


def pull_away(codes: jax.Array) -> jax.Array:
  """Returns the mean squared cosine over ordered pairs of different codes.

  Its gradient makes codes repel each other.

  Args:
    codes: [B, D], of the whole batch. A zero code has cosine 0 with all others.

  Returns:
    A scalar in [0, 1]; 0 for a single code.

  Source: Zhao et al. 2017 (arXiv:1609.03126), equation 4.
  """
  chex.assert_rank(codes, 2)
  count = len(codes)
  length = numerics.length(codes, keepdims=True)
  units = codes / jnp.where(length > 0, length, 1)
  cosines = units @ units.T
  others = 1 - jnp.eye(count, dtype=codes.dtype)
  return (cosines**2 * others).sum() / max(count * (count - 1), 1)


def path_lengths(
  generate: Callable[[jax.Array], jax.Array], latents: jax.Array, key: chex.PRNGKey
) -> jax.Array:
  """Returns |J^T y| of the generator's Jacobian J at each latent, for a random image y.

  y is N(0, I) / sqrt(positions), where the positions are the pixels of an image, or 1 for a point. With
  latents of several layers, the squares are summed over the last axis, and averaged over the layers.

  Args:
    generate: latents [B, ..., L] -> examples [B, ..., channels].
    latents: [B, ..., L].
    key: [B] keys of y.

  Returns:
    [B]. Where J^T y is 0, the gradient of the length is 0.

  Source: Karras et al. 2020 (arXiv:1912.04958), section 3.2; the factors are those of its code.
  """
  examples, backward = jax.vjp(generate, latents)
  chex.assert_equal_shape_prefix([examples, latents], 1)
  draw = jax.vmap(lambda k: jax.random.normal(k, examples.shape[1:], jnp.float32))
  directions = draw(key).astype(examples.dtype)
  (gradient,) = backward(directions / math.sqrt(math.prod(examples.shape[1:-1])))
  return norm(gradient) / math.sqrt(math.prod(latents.shape[1:-1]))


def off_orthogonality(kernel: jax.Array) -> jax.Array:
  """Returns |W^T W o (1 - I)|_F^2, a scalar: 0 if the columns of W are orthogonal, of any lengths.

  Args:
    kernel: W, [..., outputs]; all axes but the last are flattened into one.

  Source: Brock et al. 2019 (arXiv:1809.11096), equation 3.
  """
  columns = kernel.reshape(-1, kernel.shape[-1])
  products = columns.T @ columns
  return ((products - jnp.diag(jnp.diag(products))) ** 2).sum()
