"""Kernel distances between two batches: the maximum mean discrepancy and the energy distance.

A kernel is a function of two sets of points, [M, D] and [N, D] -> [M, N]. The distances need whole
batches: on several devices gather them first, see `game.Inputs.gather`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import cast

import chex
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.common import numerics, validation

Kernel = Callable[[jax.Array, jax.Array], jax.Array]
"""[M, D], [N, D] -> [M, N], positive definite."""


def _checked(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Checks the shapes of two sets of points [M, D] and [N, D], and converts integers to floats."""
  chex.assert_rank([x, y], 2)
  chex.assert_equal_shape_suffix([x, y], 1)
  x, y = numerics.inexact(x, y)
  return x, y


def squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns |x_i - y_j|^2, [M, D] and [N, D] -> [M, N].

  It sums squared differences, so it has no cancellation and is never negative. Integers become floats.
  In float32 squares of differences above 1.8e19 are infinite, and those below 1e-19 are 0.

  Derivatives of any order are matrix products, without an array [M, N, D]. The derivative
  2 (x_i - y_j) is exact to a few roundings of |x_i - y_0|, in float32 or better.
  """
  return _squared_distances(*_checked(x, y))


@jax.custom_jvp
def _squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
  return ((x[:, None] - y[None]) ** 2).sum(axis=-1)


@_squared_distances.defjvp
def _squared_distances_jvp(points: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
  """Returns the value and its differential 2 (x_i - y_j) . (dx_i - dy_j).

  The product is expanded around y_0, which keeps the rounding errors small.
  """
  wide = lambda array: array.astype(jnp.promote_types(array.dtype, jnp.float32))
  (x, y), (dx, dy) = map(wide, points), map(wide, tangents)
  origin = lax.stop_gradient(y[0])
  across = functools.partial(jnp.einsum, 'id,jd->ij', precision=lax.Precision.HIGHEST)
  along = functools.partial(jnp.einsum, 'id,id->i', precision=lax.Precision.HIGHEST)
  from_x, from_y = x - origin, y - origin
  diagonal = along(from_x, dx)[:, None] + along(from_y, dy)
  squares = _squared_distances(*points)
  tangent = 2 * (diagonal - across(from_x, dy) - across(dx, from_y))
  return squares, tangent.astype(squares.dtype)


def distances(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns |x_i - y_j|, [M, D] and [N, D] -> [M, N]; the gradient at equal points is 0, not NaN.

  A distance overflows only if it is itself too large. If the largest coordinate is above 2^52 or below
  2^-52 (in float32), all points are scaled by a power of two before differences are squared. Distances
  below 1e-22 of the largest coordinate can become 0.
  """
  x, y = _checked(x, y)
  scale = numerics.scale_for_squares(
    jnp.maximum(*(jnp.max(jnp.abs(points), initial=0) for points in (x, y)))
  )
  return numerics.root(_squared_distances(x * scale, y * scale)) / scale


def _check_positive(name: str, values: Sequence[float]) -> None:
  if not values or not all(map(numerics.is_positive, values)):
    raise ValueError(
      f'{name}={values!r}: not usable (one or more finite numbers above 0); change {name}'
    )


def rational_quadratic(alphas: Sequence[float] = (0.2, 0.5, 1.0, 2.0, 5.0)) -> Kernel:
  """Returns the kernel sum over alpha of (1 + |x - y|^2 / (2 alpha))^-alpha.

  Args:
    alphas: one or more positive numbers.

  Raises:
    ValueError: `alphas` is empty, or one of them is not positive.

  Source: Binkowski et al. 2018 (arXiv:1801.01401), equation 8, with the mixture of section 5.
  """
  _check_positive('alphas', alphas)

  def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
    squares = squared_distances(x, y)
    # exp instead of a power: each derivative of a power is another power, which is slow on a CPU.
    powers = (jnp.exp(-alpha * _log1p(squares / (2 * alpha), alpha)) for alpha in alphas)
    return cast(jax.Array, sum(powers))

  return kernel


def _log1p(x: jax.Array, factor: float) -> jax.Array:
  """Returns log(1 + x), by log1p only if it is multiplied by a large factor.

  log1p makes a step of MMD GAN 12 % slower on a CPU. The rounding of 1 + x matters only for large
  factors.
  """
  return jnp.log1p(x) if numerics.is_traced(factor) or factor >= 16 else jnp.log(1 + x)


def rbf_mixture(sigmas: Sequence[float] = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)) -> Kernel:
  """Returns the kernel sum over sigma of exp(-|x - y|^2 / (2 sigma^2)).

  Args:
    sigmas: one or more positive numbers.

  Raises:
    ValueError: `sigmas` is empty, or one of them is not positive.

  Source: Li et al. 2015 (arXiv:1502.02761), section 5; the default widths are those of Binkowski et
    al. 2018 (arXiv:1801.01401), section 5.
  """
  _check_positive('sigmas', sigmas)

  def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
    squares = squared_distances(x, y)
    # 2 sigma^2 can underflow to 0, which would give 0 / 0 at equal points.
    tiny = float(jnp.finfo(squares.dtype).tiny)
    largest = jnp.maximum if any(map(numerics.is_traced, sigmas)) else max
    return cast(jax.Array, sum(jnp.exp(-squares / largest(2 * sigma**2, tiny)) for sigma in sigmas))

  return kernel


def polynomial(degree: int = 3, scale: float | None = None, shift: float = 1.0) -> Kernel:
  """Returns the kernel (scale x . y + shift)^degree; by default the kernel of the KID.

  Args:
    degree: a whole number of at least 1.
    scale: finite; None for 1 / D.
    shift: finite.

  Raises:
    ValueError: the degree is not a whole number of at least 1, or the scale or the shift is not finite.

  Source: Binkowski et al. 2018 (arXiv:1801.01401), section 4.
  """
  if not validation.is_whole(degree, 1):
    raise ValueError(f'degree={degree!r}: out of range (a whole number of at least 1); change degree')
  for name, value in (('scale', 1 if scale is None else scale), ('shift', shift)):
    numerics.check_finite(name, value)

  def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
    x, y = _checked(x, y)
    gamma = 1 / x.shape[-1] if scale is None else scale
    return (gamma * x @ y.T + shift) ** degree

  return kernel


def distance_induced() -> Kernel:
  """Returns the kernel (|x| + |y| - |x - y|) / 2, whose MMD^2 is half the energy distance.

  Source: Sejdinovic et al. 2013 (arXiv:1207.6076), definition 13 and theorem 22.
  """

  def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
    x, y = _checked(x, y)
    origin = jnp.zeros_like(x[:1])
    return 0.5 * (distances(x, origin) + distances(y, origin).T - distances(x, y))

  return kernel


def _mean_within(values: jax.Array, unbiased: bool) -> jax.Array:
  """Returns the mean of [N, N] values, without the diagonal if unbiased."""
  count = len(values)
  if not unbiased:
    return values.mean()
  if count < 2:
    raise ValueError(
      f'unbiased=True: a set has {count} examples (at least 2); add examples, or set unbiased=False'
    )
  # Subtracting the trace from the sum would cancel if the diagonal is large.
  return jnp.where(jnp.eye(count, dtype=bool), 0, values).sum() / (count * (count - 1))


def mmd2(kernel: Kernel, x: jax.Array, y: jax.Array, unbiased: bool = True) -> jax.Array:
  """Returns the squared maximum mean discrepancy between two sets of points.

  mean k(x, x') + mean k(y, y') - 2 mean k(x, y).

  Args:
    kernel: positive definite.
    x: [M, D]; integers become floats.
    y: [N, D]; M and N may differ.
    unbiased: whether to omit pairs of a point with itself. The expectation of the unbiased estimate is
      the MMD^2 between the distributions; the estimate can be negative. The biased one is too large on
      average. It is at least 0 up to the rounding of the three means, about 1e-7 of the largest in
      float32.

  Returns:
    A scalar.

  Raises:
    ValueError: unbiased, and a set has fewer than 2 points.

  Source: Gretton et al. 2012 (JMLR 13), equations 3 (unbiased) and 5 (biased).
  """
  within = _mean_within(kernel(x, x), unbiased) + _mean_within(kernel(y, y), unbiased)
  return within - 2 * kernel(x, y).mean()


def witness(kernel: Kernel, points: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the witness function of the MMD between x and y at `points`.

  mean k(point, x) - mean k(point, y): high where x is denser.

  Args:
    kernel: positive definite.
    points: [P, D].
    x: [M, D].
    y: [N, D].

  Returns:
    [P].

  Source: Gretton et al. 2012 (JMLR 13), section 2.3.
  """
  return kernel(points, x).mean(axis=1) - kernel(points, y).mean(axis=1)


def energy_distance(x: jax.Array, y: jax.Array, unbiased: bool = True) -> jax.Array:
  """Returns the energy distance 2 E|x - y| - E|x - x'| - E|y - y'|.

  In one dimension it is twice the squared Cramer distance, 2 integral (F - G)^2.

  Args:
    x: [M, D].
    y: [N, D].
    unbiased: as in `mmd2`.

  Returns:
    A scalar.

  Raises:
    ValueError: as in `mmd2`.

  Source: Szekely & Rizzo 2013, "Energy statistics", definition 1; Bellemare et al. 2017
    (arXiv:1705.10743), section 4.
  """
  return -mmd2(lambda a, b: distances(a, b), x, y, unbiased)


FACTORIES = (
  distance_induced,
  polynomial,
  rational_quadratic,
  rbf_mixture,
)
"""The kernels that a config can name."""
