"""What adversarial losses estimate: divergences between densities, and distances between samples.

Three groups, by what is given: densities on a grid, samples together with the log ratio of the two
densities at them, and samples alone. Kernel distances between samples are in `gan_jax.mmd`, the
f-divergences as f-GAN bounds them in `gan_jax.f_divergences`. All in nats.
"""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax import f_divergences, mmd, numeric
from gan_jax.f_divergences import FDivergence

# Densities on a grid: p and q [N], non-negative, and the length, area or volume `cell` of a point.


def f_divergence(f: FDivergence, p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """D_f(p || q) = integral q f(p / q), for any function of `f_divergences`, e.g. their `pearson()`.

  Where q = 0 a point counts p lim f(u) / u for u to infinity, and where p = 0 it counts q f(0). Either
  may be infinite. Where both are 0 it counts nothing. NaN in either density gives NaN.

  Values and slopes are as exact as the type allows, also where p / q overflows. A slope that is
  infinite because a density is 0 counts 0, so that the other points keep theirs. A density below the
  smallest normal number of its type (1.2e-38 in float32) counts as 0: XLA flushes it on a CPU.

  Args:
    f: of which `perspective` is used; the conventions are its own.
    p: density at grid points [N].
    q: another.
    cell: as in `kl`.

  Source: Nowozin et al. 2016 (arXiv:1606.00709), equation 2; the limits are those of Liese & Vajda
    2006, "On divergences and informations in statistics and information theory".
  """
  chex.assert_equal_shape([p, q])
  return (cell * f.perspective(p, q)).sum()


def kl(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """KL(p || q) = integral p log(p / q); infinite where p > 0 = q, nothing where p = 0.

  It is at least 0 for densities of equal mass. Rounding makes masses unequal, and the value of nearly
  equal densities can be below 0 by as much.

  Args:
    p: density at grid points [N].
    q: another.
    cell: what a grid point stands for, so that sum(p) * cell is 1.

  Source: Kullback & Leibler 1951.
  """
  return f_divergence(f_divergences.kl(), p, q, cell)


def reverse_kl(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """KL(q || p), see `kl`."""
  return kl(q, p, cell)


def jensen_shannon(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2; from 0 to log 2 (arguments as of `kl`).

  Source: Lin 1991; Goodfellow et al. 2014 (arXiv:1406.2661), theorem 1.
  """
  return 0.5 * f_divergence(f_divergences.jensen_shannon(), p, q, cell)


def total_variation(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """1/2 integral |p - q|; from 0 to 1 (arguments as of `kl`)."""
  return f_divergence(f_divergences.total_variation(), p, q, cell)


def squared_hellinger(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """1/2 integral (sqrt p - sqrt q)^2 = 1 - integral sqrt(p q); from 0 to 1 (arguments as of `kl`).

  Half of what `f_divergences.hellinger` bounds.
  """
  return 0.5 * f_divergence(f_divergences.hellinger(), p, q, cell)


def pearson(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """integral (p - q)^2 / q; infinite where p > 0 = q (arguments as of `kl`)."""
  return f_divergence(f_divergences.pearson(), p, q, cell)


def neyman(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """integral (p - q)^2 / p, which is `pearson` with p and q exchanged."""
  return pearson(q, p, cell)


def wasserstein_of_densities(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """The Wasserstein-1 distance in one dimension, integral |F - G| (arguments as of `kl`).

  The grid is a line, equally spaced, of p and q of equal mass.
  """
  chex.assert_equal_shape([p, q])
  chex.assert_rank(p, 1)
  p, q = numeric.inexact(p, q)
  return cell * jnp.abs(cell * jnp.cumsum(p - q)).sum()


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
  return _wasserstein_1d(*numeric.inexact(x, y))


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


class Transport(NamedTuple):
  """An entropic optimal transport.

  Attributes:
    cost: of the plan, sum of plan * cost, a scalar.
    regularized: cost + epsilon KL(plan || uniform), a scalar, which the plan minimises.
    plan: [M, N], of total mass 1.
  """

  cost: jax.Array
  regularized: jax.Array
  plan: jax.Array


def entropic_transport(x: jax.Array, y: jax.Array, epsilon: float, power: float = 2.0) -> Transport:
  """Optimal transport between two sets of points with an entropic penalty, by ott-jax's Sinkhorn.

  min over plans of sum plan |x_i - y_j|^power + epsilon KL(plan || uniform). As epsilon goes to 0 the
  cost goes down to that of the exact transport. Not for use under jit: it looks whether it converged.

  Args:
    x: [M, D], each of mass 1 / M.
    y: [N, D], each of mass 1 / N.
    epsilon: positive, on the scale of the cost.
    power: at least 1; 1 for Wasserstein-1, 2 for the squared Wasserstein-2.

  Raises:
    ValueError: epsilon or power is outside its range.
    RuntimeError: it did not converge; epsilon is too small for this many iterations.

  Source: Cuturi 2013 (arXiv:1306.0895), equation 2.
  """
  # Here, for importing ott takes seconds.
  from ott.geometry import geometry
  from ott.problems.linear import linear_problem

  if not numeric.is_positive(epsilon) or not numeric.is_within(power, least=1):
    raise ValueError(f'epsilon is {epsilon} and power {power}; positive, and at least 1')
  costs = _costs(x, y, power)
  found = _solver()(linear_problem.LinearProblem(geometry.Geometry(costs, epsilon=epsilon)))
  if not bool(found.converged):
    raise RuntimeError(f'no convergence in {_ITERATIONS} iterations; raise epsilon, which is {epsilon}')
  return Transport(found.primal_cost, found.reg_ot_cost, found.matrix)


def _costs(x: jax.Array, y: jax.Array, power: float) -> jax.Array:
  """|x_i - y_j|^power [M, N], with a gradient of 0 at equal points for every power from 1."""
  squares = mmd.squared_distances(x, y)
  equal = squares == 0
  return jnp.where(equal, 0, jnp.where(equal, 1, squares) ** (0.5 * power))


def sinkhorn_divergence(x: jax.Array, y: jax.Array, epsilon: float, power: float = 2.0) -> jax.Array:
  """The debiased entropic cost S(x, y) - S(x, x) / 2 - S(y, y) / 2: 0 for equal sets.

  S is `Transport.regularized`. From the exact transport at epsilon 0 it goes over to half the MMD^2 of
  the kernel -cost as epsilon grows; with power 1 that is half the energy distance.

  Args:
    x: as in `entropic_transport`; so are the others.
    y: the other set.
    epsilon: of the penalty.
    power: of the distance.

  Raises:
    ValueError: as `entropic_transport`.
    RuntimeError: likewise.

  Source: Genevay et al. 2018 (arXiv:1706.00292), equation 3; Feydy et al. 2019 (arXiv:1810.08278),
    equation 3.
  """
  cost = lambda a, b: entropic_transport(a, b, epsilon, power).regularized
  return cost(x, y) - 0.5 * (cost(x, x) + cost(y, y))


_ITERATIONS = 20_000


@functools.cache
def _solver():
  """Compiled once for each shape."""
  from ott.solvers.linear import sinkhorn

  return jax.jit(sinkhorn.Sinkhorn(threshold=1e-4, max_iterations=_ITERATIONS))
