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
    cost: the cost of the plan, sum of plan * cost, a scalar.
    regularized: cost + epsilon KL(plan || uniform), a scalar, which the plan minimizes.
    plan: [M, N], of total mass 1.
  """

  cost: jax.Array
  regularized: jax.Array
  plan: jax.Array


def entropic_transport(x: jax.Array, y: jax.Array, epsilon: float, power: float = 2.0) -> Transport:
  """Computes the entropic optimal transport between two sets of points, by ott-jax's Sinkhorn.

  The plan minimizes sum plan |x_i - y_j|^power + epsilon KL(plan || uniform). As epsilon goes to 0 the
  cost decreases to that of the exact transport. It cannot run under jit, because it checks convergence.

  Args:
    x: [M, D], each point of mass 1 / M.
    y: [N, D], each point of mass 1 / N.
    epsilon: positive and finite, on the scale of the cost.
    power: at least 1; 1 for Wasserstein-1, 2 for the squared Wasserstein-2.

  Raises:
    ValueError: epsilon or power is outside its range.
    RuntimeError: it did not converge; epsilon is too small for the number of iterations.

  Source: Cuturi 2013 (arXiv:1306.0895), equation 2.
  """
  # Imported lazily: importing ott takes seconds.
  from ott.geometry import geometry
  from ott.problems.linear import linear_problem

  if not numerics.is_positive(epsilon):
    raise ValueError(f'epsilon={epsilon!r}: out of range (a finite number above 0); change epsilon')
  numerics.check_finite('power', power, least=1)
  costs = _costs(x, y, power)
  solution = _solver()(linear_problem.LinearProblem(geometry.Geometry(costs, epsilon=epsilon)))
  if not bool(solution.converged):
    raise RuntimeError(
      f'epsilon={epsilon!r}: no convergence in {_ITERATIONS} iterations; raise epsilon'
    )
  return Transport(solution.primal_cost, solution.reg_ot_cost, solution.matrix)


def _costs(x: jax.Array, y: jax.Array, power: float) -> jax.Array:
  """Returns |x_i - y_j|^power [M, N]; its gradient at equal points is 0 for every power from 1."""
  squares = mmd.squared_distances(x, y)
  equal = squares == 0
  return jnp.where(equal, 0, jnp.where(equal, 1, squares) ** (0.5 * power))


def sinkhorn_divergence(x: jax.Array, y: jax.Array, epsilon: float, power: float = 2.0) -> jax.Array:
  """Returns the Sinkhorn divergence S(x, y) - S(x, x) / 2 - S(y, y) / 2, which is 0 for equal sets.

  S is `Transport.regularized`. At epsilon 0 it is the cost of the exact transport. For large epsilon it
  tends to half the MMD^2 of the kernel -cost; with power 1 that is half the energy distance.

  Args:
    x: as in `entropic_transport`.
    y: as in `entropic_transport`.
    epsilon: as in `entropic_transport`.
    power: as in `entropic_transport`.

  Returns:
    A scalar.

  Raises:
    ValueError: as in `entropic_transport`.
    RuntimeError: as in `entropic_transport`.

  Source: Genevay et al. 2018 (arXiv:1706.00292), equation 3; Feydy et al. 2019 (arXiv:1810.08278),
    equation 3.
  """
  cost = lambda a, b: entropic_transport(a, b, epsilon, power).regularized
  return cost(x, y) - 0.5 * (cost(x, x) + cost(y, y))


_ITERATIONS = 20_000
"""Largest number of Sinkhorn iterations."""


@functools.cache
def _solver():
  """Returns the solver, which is cached because each shape compiles once."""
  from ott.solvers.linear import sinkhorn

  return jax.jit(sinkhorn.Sinkhorn(threshold=1e-4, max_iterations=_ITERATIONS))
