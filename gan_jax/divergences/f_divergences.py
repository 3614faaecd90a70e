"""f-divergences D_f(P || Q) = E_Q[f(p / q)], and what f-GAN needs to estimate them from samples.

For any T, E_P[T] - E_Q[f*(T)] <= D_f(P || Q), with equality at T = f'(p / q). A discriminator's raw
score v goes through an output function g onto the domain of f*, so that T = g(v).

Where a formula has an exponential, scores beyond +-20 go on logarithmically. That only relabels
scores, so the bound stays a bound. In float32 and bfloat16 every value and slope is finite for scores
up to 1e18. Beyond that squares and exponentials overflow; a game with such scores has diverged.

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

_REACH = 20.0


class FDivergence(NamedTuple):
  """Elementwise functions, each shape-preserving.

  Attributes:
    f: the convex generator, of ratios u = p / q > 0; f(1) = 0, but for `gan`, where it is -log 4.
    conjugate: f*(t) = sup_u (u t - f(u)), of t in the range of `output`.
    output: g, from any score to the domain of the conjugate, increasing.
    conjugate_of_output: f*(g(score)), in one stable formula.
    optimum: f'(u), the best T where the ratio is u.
    perspective: q f(p / q) of densities p and q, or its limit where one of them is 0: q f(0), and
      p lim f(u) / u for u to infinity; 0 where both are 0. See `divergences.f_divergence`.
  """

  f: Elementwise
  conjugate: Elementwise
  output: Elementwise
  conjugate_of_output: Elementwise
  optimum: Elementwise
  perspective: Pairwise


def _tamed(function: Elementwise) -> Elementwise:
  """`function` of scores that are followed up to +-20, and beyond as their logarithm."""

  def of_score(score: jax.Array) -> jax.Array:
    inside = jnp.clip(score, -_REACH, _REACH)
    beyond = jnp.maximum(jnp.abs(score) - _REACH, 0)
    return function(inside + jnp.sign(score) * jnp.log1p(beyond))

  return of_score


def _excess(p: jax.Array, q: jax.Array) -> jax.Array:
  """p / q - 1 to a few roundings, where both are positive; infinite where it overflows."""
  # Two small numbers may differ by less than the smallest normal one. A power of two changes no digit.
  scale = jnp.where(jnp.maximum(p, q) < 1, jnp.array(2 / jnp.finfo(p.dtype).eps, p.dtype), 1)
  return (p * scale - q * scale) / (q * scale)


@jax.custom_jvp
def _log_ratio(p: jax.Array, q: jax.Array) -> jax.Array:
  """log(p / q) to a few roundings, also where p / q overflows or p is nearly q; +-inf at a zero."""
  large, small = jnp.maximum(p, q), jnp.minimum(p, q)
  excess = _excess(large, small)
  size = jnp.where(excess < jnp.inf, jnp.log1p(excess), jnp.log(large) - jnp.log(small))
  return jnp.where(p < q, -size, size)


@_log_ratio.defjvp
def _slope_of_log_ratio(densities: tuple, changes: tuple) -> tuple[jax.Array, jax.Array]:
  """dp / p - dq / q."""
  (p, q), (dp, dq) = densities, changes
  return _log_ratio(p, q), dp / p - dq / q


class _Term(NamedTuple):
  """A term q f(p / q), of densities p and q that are not both 0.

  Attributes:
    value: of p and q.
    slope_in_p: its derivative in p, f'(u).
    slope_in_q: its derivative in q, f(u) - u f'(u).
  """

  value: Pairwise
  slope_in_p: Pairwise
  slope_in_q: Pairwise


def _exchanged(term: _Term) -> _Term:
  """The term with p and q exchanged."""
  value, slope_in_p, slope_in_q = ((lambda p, q, of=of: of(q, p)) for of in term)
  return _Term(value, slope_in_q, slope_in_p)


def _symmetric(value: Pairwise, slope_in_p: Pairwise) -> _Term:
  """A term that is the same with p and q exchanged."""
  return _Term(value, slope_in_p, lambda p, q: slope_in_p(q, p))


def _normal(x: jax.Array) -> jax.Array:
  """x, with 0 for what is below the smallest normal number."""
  return jnp.where(jnp.abs(x) < jnp.finfo(x.dtype).tiny, 0, x)


def _fields(term: _Term) -> dict[str, Callable]:
  """The fields `f`, `optimum` and `perspective` of a divergence."""

  @jax.custom_jvp
  def at(p: jax.Array, q: jax.Array) -> jax.Array:
    p, q = _normal(p), _normal(q)
    return jnp.where((p == 0) & (q == 0), 0, term.value(p, q))

  @at.defjvp
  def _(densities: tuple, changes: tuple) -> tuple[jax.Array, jax.Array]:
    p, q = map(_normal, densities)
    edge, empty = (p == 0) | (q == 0), (p == 0) & (q == 0)
    finite = lambda slope: jnp.where((edge & jnp.isinf(slope)) | empty, 0, slope)
    slopes = finite(term.slope_in_p(p, q)), finite(term.slope_in_q(p, q))
    return at(*densities), slopes[0] * changes[0] + slopes[1] * changes[1]

  def of_ratio(function: Pairwise) -> Elementwise:
    def of(u: jax.Array) -> jax.Array:
      (u,) = numerics.inexact(u)
      return function(u, jnp.ones_like(u))

    return of

  return {
    'f': of_ratio(at),
    'optimum': of_ratio(term.slope_in_p),
    'perspective': lambda p, q: at(*numerics.inexact(p, q)),
  }


def total_variation() -> FDivergence:
  """f(u) = |u - 1| / 2; f*(t) = t on [-1/2, 1/2]; g(v) = tanh(v) / 2. Half of the L1 distance."""
  half_tanh = lambda v: 0.5 * jnp.tanh(v)
  return FDivergence(
    **_fields(_symmetric(lambda p, q: 0.5 * jnp.abs(p - q), lambda p, q: 0.5 * jnp.sign(p - q))),
    conjugate=lambda t: t,
    output=half_tanh,
    conjugate_of_output=half_tanh,
  )


def _p_log_ratio(p: jax.Array, q: jax.Array) -> jax.Array:
  """p log(p / q), and 0 where p is."""
  return jnp.where((p == 0) & (q > 0), 0, p * _log_ratio(p, q))


_OF_KL = _Term(_p_log_ratio, lambda p, q: 1 + _log_ratio(p, q), lambda p, q: -p / q)


def kl() -> FDivergence:
  """f(u) = u log u; f*(t) = exp(t - 1); g(v) = v. KL(P || Q)."""
  return FDivergence(
    **_fields(_OF_KL),
    conjugate=lambda t: jnp.exp(t - 1),
    output=_tamed(lambda v: v),
    conjugate_of_output=_tamed(lambda v: jnp.exp(v - 1)),
  )


def reverse_kl() -> FDivergence:
  """f(u) = -log u; f*(t) = -1 - log(-t), t < 0; g(v) = -exp(-v). KL(Q || P)."""
  return FDivergence(
    **_fields(_exchanged(_OF_KL)),
    conjugate=lambda t: -1 - jnp.log(-t),
    output=_tamed(lambda v: -jnp.exp(-v)),
    conjugate_of_output=_tamed(lambda v: v - 1),
  )


def _chi_square(p: jax.Array, q: jax.Array) -> jax.Array:
  """(p - q)^2 / q."""
  return (p - q) * _excess(p, q)


_OF_PEARSON = _Term(
  _chi_square,
  lambda p, q: 2 * _excess(p, q),
  lambda p, q: -_excess(p, q) * (_excess(p, q) + 2),
)


def pearson() -> FDivergence:
  """f(u) = (u - 1)^2; f*(t) = t^2 / 4 + t; g(v) = v. Pearson's chi-square, integral (p - q)^2 / q."""
  conjugate = lambda t: 0.25 * t**2 + t
  return FDivergence(
    **_fields(_OF_PEARSON),
    conjugate=conjugate,
    output=lambda v: v,
    conjugate_of_output=conjugate,
  )


def neyman() -> FDivergence:
  """f(u) = (1 - u)^2 / u; f*(t) = 2 - 2 sqrt(1 - t), t < 1; g(v) = 1 - exp(-v).

  Neyman's chi-square, integral (p - q)^2 / p.
  """
  return FDivergence(
    **_fields(_exchanged(_OF_PEARSON)),
    conjugate=lambda t: 2 - 2 * jnp.sqrt(1 - t),
    output=_tamed(lambda v: -jnp.expm1(-v)),
    conjugate_of_output=_tamed(lambda v: -2 * jnp.expm1(-0.5 * v)),
  )


def _of_hellinger(p: jax.Array, q: jax.Array) -> jax.Array:
  """(sqrt p - sqrt q)^2, which is max(p, q) (1 - exp(-|log(p / q)| / 2))^2."""
  return jnp.maximum(p, q) * jnp.expm1(-0.5 * jnp.abs(_log_ratio(p, q))) ** 2


def hellinger() -> FDivergence:
  """f(u) = (sqrt(u) - 1)^2; f*(t) = t / (1 - t), t < 1; g(v) = 1 - exp(-v).

  The squared Hellinger distance without the factor 1/2, integral (sqrt p - sqrt q)^2.
  """
  return FDivergence(
    **_fields(_symmetric(_of_hellinger, lambda p, q: -jnp.expm1(-0.5 * _log_ratio(p, q)))),
    conjugate=lambda t: t / (1 - t),
    output=_tamed(lambda v: -jnp.expm1(-v)),
    conjugate_of_output=_tamed(jnp.expm1),
  )


def _of_jensen_shannon(p: jax.Array, q: jax.Array) -> jax.Array:
  """p log(p / m) + q log(q / m) with m = (p + q) / 2, by the size a of the log ratio.

  It is (p + q) h(a), with h(a) = log 2 less the entropy of the probability 1 / (1 + exp(-a)). For small
  a that difference cancels, and h(a) = a t / 2 - log cosh(a / 2) with t = tanh(a / 2) does not.
  """
  size = jnp.abs(_log_ratio(p, q))
  # Beyond this exp(-size) is 0 in every type, and 0 times it should be.
  size = jnp.minimum(size, 1e3)
  tanh = jnp.tanh(0.5 * size)
  near = 0.5 * (size * tanh + jnp.log1p(-(tanh**2)))
  far = math.log(2) - jnp.log1p(jnp.exp(-size)) - size * jax.nn.sigmoid(-size)
  share = jnp.where(size < 1, near, far)
  return p * share + q * share


def _slope_of_jensen_shannon(p: jax.Array, q: jax.Array) -> jax.Array:
  """log(2 p / (p + q)); near p = q it is log(1 + (p - q) / (p + q))."""
  ratio = _log_ratio(p, q)
  near = jnp.abs(ratio) < 1
  close = jnp.log1p(jnp.tanh(0.5 * jnp.where(near, ratio, 0)))
  return jnp.where(near, close, math.log(2) - jax.nn.softplus(-ratio))


def jensen_shannon() -> FDivergence:
  """f(u) = u log u - (u + 1) log((u + 1) / 2); f*(t) = -log(2 - exp(t)), t < log 2.

  g(v) = log 2 - log(1 + exp(-v)). The value is KL(P || M) + KL(Q || M) with M = (P + Q) / 2, twice
  the usual Jensen-Shannon divergence.
  """
  return FDivergence(
    **_fields(_symmetric(_of_jensen_shannon, _slope_of_jensen_shannon)),
    conjugate=lambda t: -jnp.log(2 - jnp.exp(t)),
    output=lambda v: math.log(2) - jax.nn.softplus(-v),
    conjugate_of_output=lambda v: jax.nn.softplus(v) - math.log(2),
  )


def _of_gan(p: jax.Array, q: jax.Array) -> jax.Array:
  """p log(p / (p + q)) + q log(q / (p + q)); a density of 0 adds nothing."""
  part = lambda x, ratio: jnp.where(x == 0, 0, x * jax.nn.log_sigmoid(ratio))
  ratio = _log_ratio(p, q)
  return part(p, ratio) + part(q, -ratio)


def gan() -> FDivergence:
  """f(u) = u log u - (u + 1) log(u + 1); f*(t) = -log(1 - exp(t)), t < 0; g(v) = -log(1 + exp(-v)).

  `jensen_shannon` less log 4: with it f-GAN's saturating game is `losses.minimax`.
  """
  return FDivergence(
    **_fields(_symmetric(_of_gan, lambda p, q: jax.nn.log_sigmoid(_log_ratio(p, q)))),
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
