"""Divergences estimated from samples, and the one-dimensional Wasserstein distance.

The estimates need the densities: they take the log ratio r = log p - log q at the samples.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics


class Estimate(NamedTuple):
  """An estimate from samples.

  Attributes:
    value: the mean over the samples, a scalar.
    error: its standard error; NaN for a single sample.
  """

  value: jax.Array
  error: jax.Array


def _mean(values: jax.Array) -> Estimate:
  chex.assert_rank(values, 1)
  return Estimate(values.mean(), values.std(ddof=1) / jnp.sqrt(len(values)))


def kl_from_samples(log_ratio: jax.Array) -> Estimate:
  """Estimates KL(p || q), the mean of log p / q at samples of p.

  Args:
    log_ratio: log p - log q at samples of p, [N]. For KL(q || p), pass log q - log p at samples of q.
  """
  return _mean(log_ratio)


def jensen_shannon_from_samples(on_p: jax.Array, on_q: jax.Array) -> Estimate:
  """Estimates the Jensen-Shannon divergence, with log(p / m) = log 2 - log(1 + exp(-r)).

  Args:
    on_p: log p - log q at samples of p, [M].
    on_q: log p - log q at samples of q, [N].
  """
  p_term = _mean(jnp.log(2.0) - jax.nn.softplus(-on_p))
  q_term = _mean(jnp.log(2.0) - jax.nn.softplus(on_q))
  return Estimate(0.5 * (p_term.value + q_term.value), 0.5 * jnp.hypot(p_term.error, q_term.error))


def total_variation_from_samples(on_p: jax.Array) -> Estimate:
  """Estimates the total variation E_p[max(0, 1 - q / p)].

  Args:
    on_p: log p - log q at samples of p, [N].
  """
  return _mean(jax.nn.relu(-jnp.expm1(-on_p)))


def squared_hellinger_from_samples(on_p: jax.Array) -> Estimate:
  """Estimates the squared Hellinger distance 1 - E_p[sqrt(q / p)].

  Args:
    on_p: log p - log q at samples of p, [N].
  """
  return _mean(-jnp.expm1(-0.5 * on_p))


def pearson_from_samples(on_q: jax.Array) -> Estimate:
  """Estimates Pearson's chi-square E_q[(p / q - 1)^2]; heavy tails of p / q make its error large.

  Args:
    on_q: log p - log q at samples of q, [N].
  """
  return _mean(jnp.expm1(on_q) ** 2)


def wasserstein_1d(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the exact Wasserstein-1 distance between two sets of numbers, integral |F - G|.

  For M = N it is the mean of |x_(i) - y_(i)| over sorted numbers. The derivative with respect to a
  number is the mean of the two one-sided ones. Tied numbers thus have equal derivatives, and the
  derivatives between equal sets are 0.

  Args:
    x: [M].
    y: [N].

  Returns:
    A scalar.
  """
  chex.assert_rank([x, y], 1)
  return _wasserstein_1d(*numerics.inexact(x, y))


@jax.custom_jvp
def _wasserstein_1d(x: jax.Array, y: jax.Array) -> jax.Array:
  both = jnp.sort(jnp.concatenate([x, y]))
  edges = both[:-1]
  return (jnp.abs(_cdf(x, edges) - _cdf(y, edges)) * jnp.diff(both)).sum()


@_wasserstein_1d.defjvp
def _wasserstein_1d_jvp(sets: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
  (x, y), (dx, dy) = sets, tangents
  return _wasserstein_1d(x, y), (_derivatives(x, y) * dx).sum() + (_derivatives(y, x) * dy).sum()


def _cdf(points: jax.Array, at: jax.Array, side: str = 'right') -> jax.Array:
  """Returns the fraction of `points` that are <= each of `at`; < with the side 'left'."""
  return jnp.searchsorted(jnp.sort(points), at, side=side) / len(points)


def _derivatives(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the derivatives [M] of integral |F - G| with respect to x [M].

  Each is the mean of the two one-sided derivatives. A point that moves up subtracts 1 / M from F just
  above it. This lowers |F - G| by 1 / M if F - G is at least 1 / M there. It raises |F - G| by 1 / M if
  F - G is at most 0 there. In between the change is linear. A point that moves down adds 1 / M to F
  just below it.
  """
  above, below = (len(x) * (_cdf(x, x, side) - _cdf(y, x, side)) for side in ('right', 'left'))
  return (jnp.clip(-below, 0, 1) - jnp.clip(above, 0, 1)) / len(x)
