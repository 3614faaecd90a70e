"""f-divergences D_f(P || Q) = E_Q[f(p / q)], and what f-GAN needs to estimate them from samples.

For any T, E_P[T] - E_Q[f*(T)] <= D_f(P || Q), with equality at T = f'(p / q). A discriminator's raw
score v goes through an output function g onto the domain of f*, so that T = g(v).

Where a formula has an exponential, scores beyond +-20 go on logarithmically. That only relabels
scores, so the bound stays a bound; it keeps every value and slope finite.

Source: Nowozin et al. 2016 (arXiv:1606.00709), tables 1, 2, 5 and 6.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

Elementwise = Callable[[chex.Array], chex.Array]

_REACH = 20.0


class FDivergence(NamedTuple):
  """Elementwise functions, each shape-preserving.

  Attributes:
    f: the convex generator, of ratios u = p / q > 0; f(1) = 0, but for `gan`, where it is -log 4.
    conjugate: f*(t) = sup_u (u t - f(u)), of t in the range of `output`.
    output: g, from any score to the domain of the conjugate, increasing.
    conjugate_of_output: f*(g(score)), in one stable formula.
    optimum: f'(u), the best T where the ratio is u.
  """

  f: Elementwise
  conjugate: Elementwise
  output: Elementwise
  conjugate_of_output: Elementwise
  optimum: Elementwise


def _tamed(function: Elementwise) -> Elementwise:
  """`function` of scores that are followed up to +-20, and beyond as their logarithm."""

  def of_score(score: chex.Array) -> chex.Array:
    inside = jnp.clip(score, -_REACH, _REACH)
    beyond = jnp.maximum(jnp.abs(score) - _REACH, 0)
    return function(inside + jnp.sign(score) * jnp.log1p(beyond))

  return of_score


def _x_log_x(u: chex.Array) -> chex.Array:
  return jax.scipy.special.xlogy(u, u)


def total_variation() -> FDivergence:
  """f(u) = |u - 1| / 2; f*(t) = t on [-1/2, 1/2]; g(v) = tanh(v) / 2. Half of the L1 distance."""
  half_tanh = lambda v: 0.5 * jnp.tanh(v)
  return FDivergence(
    f=lambda u: 0.5 * jnp.abs(u - 1),
    conjugate=lambda t: t,
    output=half_tanh,
    conjugate_of_output=half_tanh,
    optimum=lambda u: 0.5 * jnp.sign(u - 1),
  )


def kl() -> FDivergence:
  """f(u) = u log u; f*(t) = exp(t - 1); g(v) = v. KL(P || Q)."""
  return FDivergence(
    f=_x_log_x,
    conjugate=lambda t: jnp.exp(t - 1),
    output=_tamed(lambda v: v),
    conjugate_of_output=_tamed(lambda v: jnp.exp(v - 1)),
    optimum=lambda u: 1 + jnp.log(u),
  )


def reverse_kl() -> FDivergence:
  """f(u) = -log u; f*(t) = -1 - log(-t), t < 0; g(v) = -exp(-v). KL(Q || P)."""
  return FDivergence(
    f=lambda u: -jnp.log(u),
    conjugate=lambda t: -1 - jnp.log(-t),
    output=_tamed(lambda v: -jnp.exp(-v)),
    conjugate_of_output=_tamed(lambda v: v - 1),
    optimum=lambda u: -1 / u,
  )


def pearson() -> FDivergence:
  """f(u) = (u - 1)^2; f*(t) = t^2 / 4 + t; g(v) = v. Pearson's chi-square, integral (p - q)^2 / q."""
  conjugate = lambda t: 0.25 * t**2 + t
  return FDivergence(
    f=lambda u: (u - 1) ** 2,
    conjugate=conjugate,
    output=lambda v: v,
    conjugate_of_output=conjugate,
    optimum=lambda u: 2 * (u - 1),
  )


def neyman() -> FDivergence:
  """f(u) = (1 - u)^2 / u; f*(t) = 2 - 2 sqrt(1 - t), t < 1; g(v) = 1 - exp(-v).

  Neyman's chi-square, integral (p - q)^2 / p.
  """
  return FDivergence(
    f=lambda u: (1 - u) ** 2 / u,
    conjugate=lambda t: 2 - 2 * jnp.sqrt(1 - t),
    output=_tamed(lambda v: -jnp.expm1(-v)),
    conjugate_of_output=_tamed(lambda v: -2 * jnp.expm1(-0.5 * v)),
    optimum=lambda u: 1 - 1 / u**2,
  )


def hellinger() -> FDivergence:
  """f(u) = (sqrt(u) - 1)^2; f*(t) = t / (1 - t), t < 1; g(v) = 1 - exp(-v).

  The squared Hellinger distance without the factor 1/2, integral (sqrt p - sqrt q)^2.
  """
  return FDivergence(
    f=lambda u: (jnp.sqrt(u) - 1) ** 2,
    conjugate=lambda t: t / (1 - t),
    output=_tamed(lambda v: -jnp.expm1(-v)),
    conjugate_of_output=_tamed(jnp.expm1),
    optimum=lambda u: 1 - 1 / jnp.sqrt(u),
  )


def jensen_shannon() -> FDivergence:
  """f(u) = u log u - (u + 1) log((u + 1) / 2); f*(t) = -log(2 - exp(t)), t < log 2.

  g(v) = log 2 - log(1 + exp(-v)). The value is KL(P || M) + KL(Q || M) with M = (P + Q) / 2, twice
  the usual Jensen-Shannon divergence.
  """
  return FDivergence(
    f=lambda u: _x_log_x(u) - (u + 1) * jnp.log((u + 1) / 2),
    conjugate=lambda t: -jnp.log(2 - jnp.exp(t)),
    output=lambda v: math.log(2) - jax.nn.softplus(-v),
    conjugate_of_output=lambda v: jax.nn.softplus(v) - math.log(2),
    optimum=lambda u: jnp.log(2 * u / (1 + u)),
  )


def gan() -> FDivergence:
  """f(u) = u log u - (u + 1) log(u + 1); f*(t) = -log(1 - exp(t)), t < 0; g(v) = -log(1 + exp(-v)).

  `jensen_shannon` less log 4: with it f-GAN's saturating game is `losses.minimax`.
  """
  return FDivergence(
    f=lambda u: _x_log_x(u) - (u + 1) * jnp.log(u + 1),
    conjugate=lambda t: -jnp.log(-jnp.expm1(t)),
    output=lambda v: -jax.nn.softplus(-v),
    conjugate_of_output=jax.nn.softplus,
    optimum=lambda u: jnp.log(u / (1 + u)),
  )
