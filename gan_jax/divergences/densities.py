"""Divergences between densities on a grid, by numerical integration.

A density is an array [N] of non-negative values at grid points. Each point stands for a cell of length,
area or volume `cell`.
"""

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics
from gan_jax.divergences import f_divergences
from gan_jax.divergences.f_divergences import FDivergence


def f_divergence(f: FDivergence, p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns D_f(p || q) = integral q f(p / q).

  A point where q = 0 contributes p lim f(u) / u for u to infinity, and a point where p = 0 contributes
  q f(0). Either may be infinite. A point where both are 0 contributes 0. NaN in a density gives NaN.

  Values and gradients are as exact as the type allows, even if p / q overflows. A derivative that is
  infinite because a density is 0 is replaced by 0, so that the other points keep theirs. A density
  below the smallest normal number of its type (1.2e-38 in float32) counts as 0, because XLA flushes it
  to 0 on a CPU.

  Args:
    f: a divergence of `f_divergences`, e.g. `f_divergences.pearson()`; its `perspective` is used.
    p: density at grid points [N].
    q: another density, [N].
    cell: as in `kl`.

  Returns:
    A scalar.

  Source: Nowozin et al. 2016 (arXiv:1606.00709), equation 2; the limits are those of Liese & Vajda
    2006, "On divergences and informations in statistics and information theory".
  """
  chex.assert_equal_shape([p, q])
  return (cell * f.perspective(p, q)).sum()


def kl(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns KL(p || q) = integral p log(p / q).

  A point where p > 0 = q makes it infinite; a point where p = 0 contributes 0. It is at least 0 for
  densities of equal mass. Rounding makes masses slightly unequal, so the value of nearly equal
  densities can be slightly below 0.

  Args:
    p: density at grid points [N].
    q: another density, [N].
    cell: length, area or volume of a grid point, so that sum(p) * cell is 1.

  Returns:
    A scalar.

  Source: Kullback & Leibler 1951.
  """
  return f_divergence(f_divergences.kl(), p, q, cell)


def reverse_kl(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns KL(q || p), see `kl`."""
  return kl(q, p, cell)


def jensen_shannon(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns 1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2.

  Args:
    p: density at grid points [N].
    q: another density, [N].
    cell: as in `kl`.

  Returns:
    A scalar from 0 to log 2.

  Source: Lin 1991; Goodfellow et al. 2014 (arXiv:1406.2661), theorem 1.
  """
  return 0.5 * f_divergence(f_divergences.jensen_shannon(), p, q, cell)


def total_variation(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns 1/2 integral |p - q|.

  Args:
    p: density at grid points [N].
    q: another density, [N].
    cell: as in `kl`.

  Returns:
    A scalar from 0 to 1.
  """
  return f_divergence(f_divergences.total_variation(), p, q, cell)


def squared_hellinger(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns 1/2 integral (sqrt p - sqrt q)^2 = 1 - integral sqrt(p q).

  It is half of the divergence `f_divergences.hellinger`.

  Args:
    p: density at grid points [N].
    q: another density, [N].
    cell: as in `kl`.

  Returns:
    A scalar from 0 to 1.
  """
  return 0.5 * f_divergence(f_divergences.hellinger(), p, q, cell)


def pearson(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns the chi-square divergence integral (p - q)^2 / q.

  Args:
    p: density at grid points [N].
    q: another density, [N].
    cell: as in `kl`.

  Returns:
    A scalar of at least 0; infinite if p > 0 = q at a point.
  """
  return f_divergence(f_divergences.pearson(), p, q, cell)


def neyman(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns integral (p - q)^2 / p, which is `pearson` with p and q exchanged."""
  return pearson(q, p, cell)


def wasserstein_of_densities(p: jax.Array, q: jax.Array, cell: float) -> jax.Array:
  """Returns the Wasserstein-1 distance in one dimension, integral |F - G|.

  F and G are the distribution functions of p and q.

  Args:
    p: density at equally spaced points of a line, [N].
    q: another density of the same mass, [N].
    cell: distance between two grid points.

  Returns:
    A scalar of at least 0.
  """
  chex.assert_equal_shape([p, q])
  chex.assert_rank(p, 1)
  p, q = numerics.inexact(p, q)
  return cell * jnp.abs(cell * jnp.cumsum(p - q)).sum()
