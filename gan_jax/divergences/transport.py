"""Entropic optimal transport and the Sinkhorn divergence."""

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
  """Computes the entropic optimal transport between two sets of points, by Sinkhorn's iterations.

  The plan minimizes sum plan |x_i - y_j|^power + epsilon KL(plan || uniform). As epsilon goes to 0 the
  cost decreases to that of the exact transport. The iterations end when the masses that the plan gives
  to the points of y differ from 1 / N by less than 1e-4 in all. It cannot run under jit, because it
  checks convergence. Gradients are those of the converged plan, not of the iterations.

  Args:
    x: [M, D], each point of mass 1 / M.
    y: [N, D], each point of mass 1 / N.
    epsilon: positive and finite, on the scale of the cost.
    power: at least 1; 1 for Wasserstein-1, 2 for the squared Wasserstein-2.

  Raises:
    ValueError: epsilon or power is outside its range.
    RuntimeError: it did not converge; epsilon is too small for the number of iterations.

  Source: Cuturi 2013 (arXiv:1306.0895), equation 2; Peyre & Cuturi 2019 (arXiv:1803.00567), section
    4.4, for the iterations on logarithms.
  """
  if not numerics.is_positive(epsilon):
    raise ValueError(f'epsilon={epsilon!r}: out of range (a finite number above 0); change epsilon')
  numerics.check_finite('power', power, least=1)
  costs = _costs(x, y, power)
  potentials = _solve(costs, epsilon)
  if not bool(potentials.error < _THRESHOLD):
    raise RuntimeError(
      f'epsilon={epsilon!r}: no convergence in {_ITERATIONS} iterations; raise epsilon'
    )
  plan = _plan(costs, potentials, epsilon)
  # At the optimum the gradient with respect to the potentials is 0, so they count as constants.
  constant = jax.lax.stop_gradient(potentials)
  missing = (1 / len(costs) - _plan(costs, constant, epsilon).sum(axis=1)).sum()
  return Transport(
    cost=(plan * costs).sum(),
    regularized=constant.rows.mean() + constant.columns.mean() + epsilon * missing,
    plan=plan,
  )


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

_CHECK_EVERY = 10
"""Iterations between checks of convergence."""

_THRESHOLD = 1e-4
"""Sum of |mass - 1 / N| over the columns of the plan below which the iterations have converged."""


class _Potentials(NamedTuple):
  """The dual variables of a plan exp((rows_i + columns_j - costs_ij) / epsilon) / (M N).

  Attributes:
    rows: [M].
    columns: [N].
    error: the sum of |mass - 1 / N| over the columns of the plan, a scalar.
  """

  rows: jax.Array
  columns: jax.Array
  error: jax.Array


def _plan(costs: jax.Array, potentials: _Potentials, epsilon: jax.typing.ArrayLike) -> jax.Array:
  rows, columns, _ = potentials
  return jnp.exp((rows[:, None] + columns - costs) / epsilon) / costs.size


@jax.custom_jvp
def _solve(costs: jax.Array, epsilon: jax.typing.ArrayLike) -> _Potentials:
  """Returns the potentials of the plan for costs [M, N], with the derivatives of the optimum."""
  return _iterations(costs, epsilon)


@jax.jit
def _iterations(costs: jax.Array, epsilon: jax.typing.ArrayLike) -> _Potentials:
  def half(costs: jax.Array, axis: int) -> jax.Array:
    sums = jax.nn.logsumexp(-costs / epsilon, axis=axis)
    return jnp.asarray(epsilon * (jnp.log(costs.shape[axis]) - sums))

  def iterate(_, potentials: _Potentials) -> _Potentials:
    columns = half(costs - potentials.rows[:, None], 0)
    return potentials._replace(rows=half(costs - columns, 1), columns=columns)

  def advance(carry: tuple[int, _Potentials]) -> tuple[int, _Potentials]:
    count, potentials = carry
    potentials = jax.lax.fori_loop(0, _CHECK_EVERY, iterate, potentials)
    masses = _plan(costs, potentials, epsilon).sum(axis=0)
    error = jnp.abs(masses - 1 / len(masses)).sum()
    return count + _CHECK_EVERY, potentials._replace(error=error)

  def goes_on(carry: tuple[int, _Potentials]) -> jax.Array:
    return (carry[1].error >= _THRESHOLD) & (carry[0] < _ITERATIONS)

  infinite = jnp.full((), jnp.inf, costs.dtype)
  start = _Potentials(jnp.zeros_like(costs[:, 0]), jnp.zeros_like(costs[0]), infinite)
  return jax.lax.while_loop(goes_on, advance, (0, start))[1]


@_solve.defjvp
def _solve_jvp(primals: tuple, tangents: tuple) -> tuple[_Potentials, _Potentials]:
  """Differentiates the conditions that every row has the mass 1 / M, and every column 1 / N."""
  (costs, epsilon), (costs_dot, epsilon_dot) = primals, tangents
  potentials = _solve(costs, epsilon)
  plan = _plan(costs, potentials, epsilon)
  slack = potentials.rows[:, None] + potentials.columns - costs
  moved = plan * (costs_dot + slack * (epsilon_dot / epsilon))
  size, split = sum(costs.shape), len(costs)
  masses = jnp.concatenate([plan.sum(axis=1), plan.sum(axis=0)])
  conditions = jnp.diag(masses).at[:split, split:].set(plan).at[split:, :split].set(plan.T)
  # A constant can move from the rows to the columns, which changes no plan; this pins it.
  signs = jnp.where(jnp.arange(size) < split, 1, -1)
  conditions += jnp.outer(signs, signs) / costs.size
  dots = jnp.linalg.solve(conditions, jnp.concatenate([moved.sum(axis=1), moved.sum(axis=0)]))
  return potentials, _Potentials(dots[:split], dots[split:], jnp.zeros_like(potentials.error))
