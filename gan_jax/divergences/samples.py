"""Divergences estimated from samples, and the one-dimensional Wasserstein distance."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics

# Samples with the log ratio r = log p - log q of the known densities at them.


class Estimate(NamedTuple):
  """A mean over samples, and its standard error, which is NaN of one sample."""

  value: jax.Array
  error: jax.Array


def _mean(values: jax.Array) -> Estimate:
  chex.assert_rank(values, 1)
  return Estimate(values.mean(), values.std(ddof=1) / jnp.sqrt(len(values)))


def kl_from_samples(log_ratio: jax.Array) -> Estimate:
  """KL(p || q) as the mean of log p / q at samples of p.

  Args:
    log_ratio: log p - log q at samples of p [N]. For KL(q || p) give log q - log p at those of q.
  """
  return _mean(log_ratio)


def jensen_shannon_from_samples(on_p: jax.Array, on_q: jax.Array) -> Estimate:
  """The Jensen-Shannon divergence from log p - log q at samples of p [M] and at samples of q [N].

  With r the log ratio, log(p / m) = log 2 - log(1 + exp(-r)).
  """
  of_p = _mean(jnp.log(2.0) - jax.nn.softplus(-on_p))
  of_q = _mean(jnp.log(2.0) - jax.nn.softplus(on_q))
  return Estimate(0.5 * (of_p.value + of_q.value), 0.5 * jnp.hypot(of_p.error, of_q.error))


def total_variation_from_samples(on_p: jax.Array) -> Estimate:
  """E_p[max(0, 1 - q / p)], from log p - log q at samples of p [N]."""
  return _mean(jax.nn.relu(-jnp.expm1(-on_p)))


def squared_hellinger_from_samples(on_p: jax.Array) -> Estimate:
  """1 - E_p[sqrt(q / p)], from log p - log q at samples of p [N]; conventions as above."""
  return _mean(-jnp.expm1(-0.5 * on_p))


def pearson_from_samples(on_q: jax.Array) -> Estimate:
  """E_q[(p / q - 1)^2], from log p - log q at samples of q [N]; its spread is large in the tails."""
  return _mean(jnp.expm1(on_q) ** 2)


# Samples alone.


def wasserstein_1d(x: jax.Array, y: jax.Array) -> jax.Array:
  """The exact Wasserstein-1 distance between two sets of numbers, integral |F - G|.

  Where the counts are equal it is the mean |x_(i) - y_(i)| of sorted ones. Its slope in a number is the
  mean of the one-sided ones, so tied numbers have equal slopes, and equal sets have slopes of 0.

  Args:
    x: [M].
    y: [N], of any other count.
  """
  chex.assert_rank([x, y], 1)
  return _wasserstein_1d(*numerics.inexact(x, y))


@jax.custom_jvp
def _wasserstein_1d(x: jax.Array, y: jax.Array) -> jax.Array:
  both = jnp.sort(jnp.concatenate([x, y]))
  left = both[:-1]
  return (jnp.abs(_share(x, left) - _share(y, left)) * jnp.diff(both)).sum()


@_wasserstein_1d.defjvp
def _slope_of_wasserstein_1d(sets: tuple, changes: tuple) -> tuple[jax.Array, jax.Array]:
  (x, y), (dx, dy) = sets, changes
  return _wasserstein_1d(x, y), (_slopes(x, y) * dx).sum() + (_slopes(y, x) * dy).sum()


def _share(points: jax.Array, at: jax.Array, side: str = 'right') -> jax.Array:
  """The share of the points up to each place; of those before it with the side 'left'."""
  return jnp.searchsorted(jnp.sort(points), at, side=side) / len(points)


def _slopes(x: jax.Array, y: jax.Array) -> jax.Array:
  """The slopes [M] of integral |F - G| in the points x [M], each the mean of the one-sided ones.

  A point that goes up by h takes 1 / M from F on its way. That lowers |F - G| by 1 / M where F - G just
  above the point is at least 1 / M, and raises it by as much where it is at most 0. In between the
  change is linear. A point that goes down adds 1 / M to F just below it.
  """
  above, below = (len(x) * (_share(x, x, side) - _share(y, x, side)) for side in ('right', 'left'))
  return (jnp.clip(-below, 0, 1) - jnp.clip(above, 0, 1)) / len(x)
