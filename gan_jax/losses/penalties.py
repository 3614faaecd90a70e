"""Gradient penalties and other regularisers of a critic, as pure functions.

A critic is a function of points, [B, ...] -> [B], whose score of an example depends on that example
alone (with batch norm in training it does not, and the penalties lose their meaning). The weight of
a penalty (lambda, gamma / 2) multiplies outside. `gan_jax.losses.regularizers` puts them into a game.
"""

import math
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics

Critic = Callable[[jax.Array], jax.Array]


def _squared_norm(x: jax.Array) -> jax.Array:
  """[B, ...] -> [B], the squared Euclidean norm of each example."""
  return (_flat(x) ** 2).sum(axis=-1)


def _flat(x: jax.Array) -> jax.Array:
  """[B, ...] -> [B, D], also of no examples."""
  return x.reshape(len(x), math.prod(x.shape[1:]))


def norm(x: jax.Array) -> jax.Array:
  """[B, ...] -> [B], the Euclidean norm of each example; at zero its gradient is 0, not NaN."""
  return numerics.length(_flat(x))


def _gradient(critic: Critic, points: jax.Array) -> jax.Array:
  """[B, ...] -> [B, ...], each score's gradient in its own example."""

  def total(points: jax.Array) -> jax.Array:
    scores = critic(points)
    chex.assert_shape(scores, (len(points),))
    return scores.sum()

  return jax.grad(total)(points)


def gradient_norm(critic: Critic, points: jax.Array) -> jax.Array:
  """The norm of the critic's gradient at each point, over all axes but the first.

  Args:
    critic: [B, ...] -> [B].
    points: [B, ...].

  Returns:
    [B]. Where the gradient is 0 so is the norm, and the norm's own gradient.
  """
  return norm(_gradient(critic, points))


def interpolate(key: chex.PRNGKey, real: jax.Array, fake: jax.Array) -> jax.Array:
  """Points on the lines between real and fake: e real + (1 - e) fake, one e ~ U[0, 1) an example.

  Args:
    key: [B] keys.
    real: [B, ...].
    fake: of the shape of `real`.

  Source: Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1, line 6.
  """
  chex.assert_equal_shape([real, fake])
  share = jax.vmap(jax.random.uniform)(key).reshape(-1, *(1,) * (real.ndim - 1))
  return share * real + (1 - share) * fake


def gradient_penalty(
  critic: Critic, points: jax.Array, target: float = 1.0, one_sided: bool = False
) -> jax.Array:
  """(|grad critic| - target)^2 at each point, or of one side max(0, |grad critic| - target)^2.

  Args:
    critic: [B, ...] -> [B].
    points: [B, ...], see `interpolate` and `dragan_points`.
    target: the norm to be had, at least 0.
    one_sided: whether smaller norms are free.

  Returns:
    [B].

  Source: Gulrajani et al. 2017 (arXiv:1704.00028), equation 3; of one side, Petzka et al. 2018
    (arXiv:1709.08894), equation 8.
  """
  excess = gradient_norm(critic, points) - target
  return (jax.nn.relu(excess) if one_sided else excess) ** 2


def zero_centered(critic: Critic, points: jax.Array) -> jax.Array:
  """|grad critic|^2 at each point [B]: R1 on real points, R2 on fake ones; the weight is gamma / 2.

  Source: Mescheder et al. 2018 (arXiv:1801.04406), equations 9 and 10.
  """
  return _squared_norm(_gradient(critic, points))


def dragan_points(
  key: chex.PRNGKey, real: jax.Array, deviation: jax.Array, scale: float = 0.5
) -> jax.Array:
  """Points between real ones and copies of them moved by noise.

  x + e (x' - x), one e ~ U[0, 1) an example, with x' = x + scale * deviation * U[0, 1) in every
  coordinate.

  Args:
    key: [B] keys.
    real: [B, ...].
    deviation: scalar, the standard deviation of all coordinates of the whole batch.
    scale: one half in the authors' code.

  Source: Kodali et al. 2017 (arXiv:1705.07215), section 2.3; the noise is that of its code.
  """

  def shift(key: chex.PRNGKey) -> jax.Array:
    noise_key, share_key = jax.random.split(key)
    return jax.random.uniform(share_key) * jax.random.uniform(noise_key, real.shape[1:])

  return real + scale * deviation * jax.vmap(shift)(key)


def jacobian_squared_norm(function: Critic, points: jax.Array) -> jax.Array:
  """The sum of the squares of all derivatives of each example's outputs in its coordinates.

  Args:
    function: [B, ...] -> [B, D]; it is differentiated backwards D times.
    points: [B, ...].

  Returns:
    [B], the squared Frobenius norm of each Jacobian.
  """
  outputs, backward = jax.vjp(function, points)
  chex.assert_rank(outputs, 2)
  each = jnp.eye(outputs.shape[1], dtype=outputs.dtype)[:, None].repeat(len(points), axis=1)
  gradients = jax.vmap(lambda directions: backward(directions)[0])(each)
  return jax.vmap(_squared_norm)(gradients).sum(axis=0)


def lecam(
  real_scores: jax.Array, fake_scores: jax.Array, real_mean: jax.Array, fake_mean: jax.Array
) -> jax.Array:
  """(D(real) - fake_mean)^2 + (D(fake) - real_mean)^2, [B] and [B] -> [B].

  Args:
    real_scores: [B].
    fake_scores: [B].
    real_mean: scalar, a moving average of real scores over past steps.
    fake_mean: the same of fake scores.

  Source: Tseng et al. 2021 (arXiv:2104.03310), equation 3.
  """
  chex.assert_equal_shape([real_scores, fake_scores])
  return (real_scores - fake_mean) ** 2 + (fake_scores - real_mean) ** 2


def pull_away(codes: jax.Array) -> jax.Array:
  """The mean squared cosine over ordered pairs of different codes, in [0, 1]: they repel each other.

  Args:
    codes: [B, D], of the whole batch. A code of 0 has cosine 0 with all. One code alone gives 0.

  Returns:
    A scalar.

  Source: Zhao et al. 2017 (arXiv:1609.03126), equation 4.
  """
  chex.assert_rank(codes, 2)
  count = len(codes)
  length = numerics.length(codes, keepdims=True)
  units = codes / jnp.where(length > 0, length, 1)
  cosines = units @ units.T
  others = 1 - jnp.eye(count, dtype=codes.dtype)
  return (cosines**2 * others).sum() / max(count * (count - 1), 1)


def off_orthogonality(kernel: jax.Array) -> jax.Array:
  """|W^T W o (1 - I)|_F^2, a scalar: 0 if the columns of W are orthogonal, of whatever lengths.

  Args:
    kernel: [..., outputs]; all axes but the last are one.

  Source: Brock et al. 2019 (arXiv:1809.11096), equation 3.
  """
  columns = kernel.reshape(-1, kernel.shape[-1])
  products = columns.T @ columns
  return ((products - jnp.diag(jnp.diag(products))) ** 2).sum()
