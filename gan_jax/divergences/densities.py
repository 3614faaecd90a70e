"""Divergences between densities on a grid, by numerical integration."""

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics
from gan_jax.divergences import f_divergences
from gan_jax.divergences.f_divergences import FDivergence

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
  p, q = numerics.inexact(p, q)
  return cell * jnp.abs(cell * jnp.cumsum(p - q)).sum()
