"""f-divergences D_f(P || Q) = E_Q[f(p / q)], and the functions with which f-GAN estimates them.

For any T, E_P[T] - E_Q[f*(T)] <= D_f(P || Q), with equality at T = f'(p / q). An output function g maps
a discriminator's logit v to the domain of f*: T = g(v).

A formula with an exponential replaces the part of a logit beyond +-20 by its logarithm. This only
relabels logits, so the bound remains valid. In float32 and bfloat16 all values and derivatives are
finite for logits up to 1e18. Beyond that squares and exponentials overflow; a game with such logits
has diverged.

Source: Nowozin et al. 2016 (arXiv:1606.00709), tables 1, 2, 5 and 6.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.common import numerics

Elementwise = Callable[[jax.Array], jax.Array]
Pairwise = Callable[[jax.Array, jax.Array], jax.Array]

_LINEAR_RANGE = 20.0
"""Absolute value up to which logits enter a formula unchanged."""


class FDivergence(NamedTuple):
  """An f-divergence, as elementwise and shape-preserving functions.

  Attributes:
    f: the convex function of ratios u = p / q > 0; f(1) = 0, except for `gan`, where it is -log 4.
    conjugate: f*(t) = sup_u (u t - f(u)), for t in the range of `output`.
    output: g, from any logit to the domain of the conjugate, increasing.
    conjugate_of_output: f*(g(logit)), in one stable formula.
    optimum: f'(u), the optimal T at a ratio u.
    perspective: (p, q) -> q f(p / q) of two densities. If one of them is 0, its limit: q f(0) for
      p = 0, and p lim f(u) / u for q = 0. If both are 0, 0. See `divergences.f_divergence`.
  """

  f: Elementwise
  conjugate: Elementwise
  output: Elementwise
  conjugate_of_output: Elementwise
  optimum: Elementwise
  perspective: Pairwise


def _compressed(function: Elementwise) -> Elementwise:
  """Returns `function` of logits, whose part beyond +-20 is replaced by its logarithm."""

  def of_logit(logit: jax.Array) -> jax.Array:
    inside = jnp.clip(logit, -_LINEAR_RANGE, _LINEAR_RANGE)
    beyond = jnp.maximum(jnp.abs(logit) - _LINEAR_RANGE, 0)
    return function(inside + jnp.sign(logit) * jnp.log1p(beyond))

  return of_logit


def _excess(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns p / q - 1 to a few roundings for positive p and q; infinite if it overflows."""
  # The difference of two small numbers may be below the smallest normal one, so both are scaled.
  # Scaling by a power of two is exact.
  scale = jnp.where(jnp.maximum(p, q) < 1, jnp.array(2 / jnp.finfo(p.dtype).eps, p.dtype), 1)
  return (p * scale - q * scale) / (q * scale)


@jax.custom_jvp
def _log_ratio(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns log(p / q) to a few roundings, even if p / q overflows or p is nearly q.

  If one of them is 0, it is +-inf.
  """
  large, small = jnp.maximum(p, q), jnp.minimum(p, q)
  excess = _excess(large, small)
  size = jnp.where(excess < jnp.inf, jnp.log1p(excess), jnp.log(large) - jnp.log(small))
  return jnp.where(p < q, -size, size)


@_log_ratio.defjvp
def _log_ratio_jvp(densities: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
  """Returns the value and its differential dp / p - dq / q."""
  (p, q), (dp, dq) = densities, tangents
  return _log_ratio(p, q), dp / p - dq / q


class _Term(NamedTuple):
  """The term q f(p / q), for densities p and q that are not both 0.

  Attributes:
    value: (p, q) -> q f(p / q).
    derivative_p: (p, q) -> its derivative with respect to p, f'(u).
    derivative_q: (p, q) -> its derivative with respect to q, f(u) - u f'(u).
  """

  value: Pairwise
  derivative_p: Pairwise
  derivative_q: Pairwise


def _exchanged(term: _Term) -> _Term:
  """Returns the term with p and q exchanged."""
  return _Term(
    value=lambda p, q: term.value(q, p),
    derivative_p=lambda p, q: term.derivative_q(q, p),
    derivative_q=lambda p, q: term.derivative_p(q, p),
  )


def _symmetric(value: Pairwise, derivative_p: Pairwise) -> _Term:
  """Returns a term that is the same with p and q exchanged."""
  return _Term(value, derivative_p, lambda p, q: derivative_p(q, p))


def _flush_subnormals(x: jax.Array) -> jax.Array:
  """Replaces values below the smallest normal number by 0."""
  return jnp.where(jnp.abs(x) < jnp.finfo(x.dtype).tiny, 0, x)


def _fields(term: _Term) -> dict[str, Callable]:
  """Returns the fields `f`, `optimum` and `perspective` of a divergence."""

  @jax.custom_jvp
  def perspective(p: jax.Array, q: jax.Array) -> jax.Array:
    p, q = _flush_subnormals(p), _flush_subnormals(q)
    return jnp.where((p == 0) & (q == 0), 0, term.value(p, q))

  @perspective.defjvp
  def _(densities: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    p, q = map(_flush_subnormals, densities)
    edge, empty = (p == 0) | (q == 0), (p == 0) & (q == 0)
    finite = lambda derivative: jnp.where((edge & jnp.isinf(derivative)) | empty, 0, derivative)
    by_p, by_q = finite(term.derivative_p(p, q)), finite(term.derivative_q(p, q))
    return perspective(*densities), by_p * tangents[0] + by_q * tangents[1]

  def of_ratio(function: Pairwise) -> Elementwise:
    def function_of_ratio(u: jax.Array) -> jax.Array:
      (u,) = numerics.inexact(u)
      return function(u, jnp.ones_like(u))

    return function_of_ratio

  return {
    'f': of_ratio(perspective),
    'optimum': of_ratio(term.derivative_p),
    'perspective': lambda p, q: perspective(*numerics.inexact(p, q)),
  }


def total_variation() -> FDivergence:
  """Returns the total variation, half of the L1 distance.

  f(u) = |u - 1| / 2; f*(t) = t on [-1/2, 1/2]; g(v) = tanh(v) / 2.
  """
  half_tanh = lambda v: 0.5 * jnp.tanh(v)
  return FDivergence(
    **_fields(_symmetric(lambda p, q: 0.5 * jnp.abs(p - q), lambda p, q: 0.5 * jnp.sign(p - q))),
    conjugate=lambda t: t,
    output=half_tanh,
    conjugate_of_output=half_tanh,
  )


def _p_log_ratio(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns p log(p / q), and 0 where p is 0."""
  return jnp.where((p == 0) & (q > 0), 0, p * _log_ratio(p, q))


_KL = _Term(_p_log_ratio, lambda p, q: 1 + _log_ratio(p, q), lambda p, q: -p / q)


def kl() -> FDivergence:
  """Returns KL(P || Q).

  f(u) = u log u; f*(t) = exp(t - 1); g(v) = v.
  """
  return FDivergence(
    **_fields(_KL),
    conjugate=lambda t: jnp.exp(t - 1),
    output=_compressed(lambda v: v),
    conjugate_of_output=_compressed(lambda v: jnp.exp(v - 1)),
  )


def reverse_kl() -> FDivergence:
  """Returns KL(Q || P).

  f(u) = -log u; f*(t) = -1 - log(-t), t < 0; g(v) = -exp(-v).
  """
  return FDivergence(
    **_fields(_exchanged(_KL)),
    conjugate=lambda t: -1 - jnp.log(-t),
    output=_compressed(lambda v: -jnp.exp(-v)),
    conjugate_of_output=_compressed(lambda v: v - 1),
  )


def _chi_square(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns (p - q)^2 / q."""
  return (p - q) * _excess(p, q)


_PEARSON = _Term(
  _chi_square,
  lambda p, q: 2 * _excess(p, q),
  lambda p, q: -_excess(p, q) * (_excess(p, q) + 2),
)


def pearson() -> FDivergence:
  """Returns Pearson's chi-square, integral (p - q)^2 / q.

  f(u) = (u - 1)^2; f*(t) = t^2 / 4 + t; g(v) = v.
  """
  conjugate = lambda t: 0.25 * t**2 + t
  return FDivergence(
    **_fields(_PEARSON),
    conjugate=conjugate,
    output=lambda v: v,
    conjugate_of_output=conjugate,
  )


def neyman() -> FDivergence:
  """Returns Neyman's chi-square, integral (p - q)^2 / p.

  f(u) = (1 - u)^2 / u; f*(t) = 2 - 2 sqrt(1 - t), t < 1; g(v) = 1 - exp(-v).
  """
  return FDivergence(
    **_fields(_exchanged(_PEARSON)),
    conjugate=lambda t: 2 - 2 * jnp.sqrt(1 - t),
    output=_compressed(lambda v: -jnp.expm1(-v)),
    conjugate_of_output=_compressed(lambda v: -2 * jnp.expm1(-0.5 * v)),
  )


def _hellinger_term(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns (sqrt p - sqrt q)^2 = max(p, q) (1 - exp(-|log(p / q)| / 2))^2."""
  return jnp.maximum(p, q) * jnp.expm1(-0.5 * jnp.abs(_log_ratio(p, q))) ** 2


def hellinger() -> FDivergence:
  """Returns the squared Hellinger distance without the factor 1/2, integral (sqrt p - sqrt q)^2.

  f(u) = (sqrt(u) - 1)^2; f*(t) = t / (1 - t), t < 1; g(v) = 1 - exp(-v).
  """
  return FDivergence(
    **_fields(_symmetric(_hellinger_term, lambda p, q: -jnp.expm1(-0.5 * _log_ratio(p, q)))),
    conjugate=lambda t: t / (1 - t),
    output=_compressed(lambda v: -jnp.expm1(-v)),
    conjugate_of_output=_compressed(jnp.expm1),
  )


def _jensen_shannon_term(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns p log(p / m) + q log(q / m) with m = (p + q) / 2.

  It is (p + q) h(a), with a = |log(p / q)|. h(a) is log 2 minus the entropy of a coin with probability
  1 / (1 + exp(-a)). For small a that difference cancels. There h(a) = a t / 2 - log cosh(a / 2), with
  t = tanh(a / 2), is used.
  """
  size = jnp.abs(_log_ratio(p, q))
  # Beyond 1e3, exp(-size) is 0 in every type. The bound avoids infinity times 0.
  size = jnp.minimum(size, 1e3)
  tanh = jnp.tanh(0.5 * size)
  near = 0.5 * (size * tanh + jnp.log1p(-(tanh**2)))
  far = math.log(2) - jnp.log1p(jnp.exp(-size)) - size * jax.nn.sigmoid(-size)
  h = jnp.where(size < 1, near, far)
  return p * h + q * h


def _jensen_shannon_derivative(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns log(2 p / (p + q)), computed near p = q as log(1 + (p - q) / (p + q))."""
  ratio = _log_ratio(p, q)
  near = jnp.abs(ratio) < 1
  close = jnp.log1p(jnp.tanh(0.5 * jnp.where(near, ratio, 0)))
  return jnp.where(near, close, math.log(2) - jax.nn.softplus(-ratio))


def jensen_shannon() -> FDivergence:
  """Returns twice the usual Jensen-Shannon divergence, KL(P || M) + KL(Q || M) with M = (P + Q) / 2.

  f(u) = u log u - (u + 1) log((u + 1) / 2); f*(t) = -log(2 - exp(t)), t < log 2;
  g(v) = log 2 - log(1 + exp(-v)).
  """
  return FDivergence(
    **_fields(_symmetric(_jensen_shannon_term, _jensen_shannon_derivative)),
    conjugate=lambda t: -jnp.log(2 - jnp.exp(t)),
    output=lambda v: math.log(2) - jax.nn.softplus(-v),
    conjugate_of_output=lambda v: jax.nn.softplus(v) - math.log(2),
  )


def _gan_term(p: jax.Array, q: jax.Array) -> jax.Array:
  """Returns p log(p / (p + q)) + q log(q / (p + q)); a density of 0 adds 0."""
  x_log_fraction = lambda x, ratio: jnp.where(x == 0, 0, x * jax.nn.log_sigmoid(ratio))
  ratio = _log_ratio(p, q)
  return x_log_fraction(p, ratio) + x_log_fraction(q, -ratio)


def gan() -> FDivergence:
  """Returns `jensen_shannon` minus log 4, the divergence of the first GAN.

  f(u) = u log u - (u + 1) log(u + 1); f*(t) = -log(1 - exp(t)), t < 0; g(v) = -log(1 + exp(-v)). The
  saturating f-GAN of this divergence is `losses.minimax`.
  """
  return FDivergence(
    **_fields(_symmetric(_gan_term, lambda p, q: jax.nn.log_sigmoid(_log_ratio(p, q)))),
    conjugate=lambda t: -jnp.log(-jnp.expm1(t)),
    output=lambda v: -jax.nn.softplus(-v),
    conjugate_of_output=jax.nn.softplus,
  )


FACTORIES = (
  gan,
  hellinger,
  jensen_shannon,
  kl,
  neyman,
  pearson,
  reverse_kl,
  total_variation,
)
"""The f-divergences that a config can name."""
