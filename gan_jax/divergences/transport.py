"""Entropic optimal transport and the Sinkhorn divergence."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.common import numerics
from gan_jax.divergences import mmd


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

  if not numerics.is_positive(epsilon) or not numerics.is_within(power, least=1):
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
