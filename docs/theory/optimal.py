"""What discriminators learn that are trained to the end, and what their losses are then worth."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from claims import Row
from densities import CELL, WEIGHTS, P, Q, X, Z, critic, expected, fit, start
from jax.scipy.stats import norm

from gan_jax import divergences, losses
from gan_jax.common import lookup
from gan_jax.divergences import f_divergences
from gan_jax.divergences.f_divergences import FDivergence

MASS = 0.01
"""Where p + q is less, nothing is claimed of a discriminator: it is hardly ever asked there."""

FAR, DEVIATION = 2.0, 0.3
"""The generator that is far from the data: N(FAR, DEVIATION^2) against N(0, DEVIATION^2)."""

# Mixed, so that the ratio is between 1/9 and 9: otherwise the chi-squares are made of far tails.
NEAR_P, NEAR_Q = 0.9 * P + 0.1 * Q, 0.9 * Q + 0.1 * P
FAMILY = lookup.factories(f_divergences)


def error(params: Any) -> jax.Array:
  """The greatest difference between D and p / (p + q) where there is mass."""
  found = jax.nn.sigmoid(critic(params)(X))
  return jnp.where(P + Q > MASS, jnp.abs(found - P / (P + Q)), 0).max()


@functools.cache
def cross_entropy() -> Any:
  """The parameters of the discriminator that `losses.minimax` leads to."""
  return fit(lambda d: expected(losses.minimax().discriminator, P, Q, d(X)), steps=5000)


@functools.cache
def generator_slopes() -> dict[str, float]:
  """The slope of each generator's loss in its mean, and the probability that D gives its samples."""
  p, q = norm.pdf(X, 0, DEVIATION), norm.pdf(X, FAR, DEVIATION)
  trained = critic(fit(lambda d: expected(losses.minimax().discriminator, p, q, d(X))))
  scores = lambda mean: trained(mean + DEVIATION * Z)

  def slope(loss: losses.AdversarialLoss) -> float:
    value = lambda mean: (WEIGHTS * loss.generator(scores(mean), scores(mean))).sum()
    return float(jax.grad(value)(FAR))

  found = {name: slope(getattr(losses, name)()) for name in ('minimax', 'non_saturating', 'kl')}
  return found | {'probability': float((WEIGHTS * jax.nn.sigmoid(scores(FAR))).sum())}


class Bounds(NamedTuple):
  """An f-divergence of NEAR_P and NEAR_Q, and lower bounds of it."""

  divergence: float
  best: float
  others: tuple[float, ...]
  trained: float


def score_of(f: FDivergence, target: jax.Array) -> jax.Array:
  """The scores at which f's output is `target`, by halving; +-40 where only infinity has it."""

  def halve(ends, _):
    middle = 0.5 * (ends[0] + ends[1])
    low = f.output(middle) < target
    return (jnp.where(low, middle, ends[0]), jnp.where(low, ends[1], middle)), None

  ends = jnp.full_like(target, -40.0), jnp.full_like(target, 40.0)
  return jax.lax.scan(halve, ends, length=50)[0][0]


def other_outputs(f: FDivergence, ratio: jax.Array) -> dict[str, jax.Array]:
  """Outputs T that are not f'(p / q), all in the domain of the conjugate."""
  best, even = f.optimum(ratio), f.optimum(jnp.ones_like(ratio))
  return {
    'half way to a constant': 0.5 * (best + even),
    'of a ratio too large': f.optimum(1.5 * ratio),
    'of a ratio too flat': f.optimum(jnp.sqrt(ratio)),
    'constant': even,
  }


@functools.cache
def bounds(name: str, informed: bool = False) -> Bounds:
  """The bounds of one f; `informed` starts training from what cross-entropy has learnt."""
  f, loss, ratio = FAMILY[name](), losses.f_divergence(name).discriminator, NEAR_P / NEAR_Q
  value = lambda output: CELL * (NEAR_P * output - NEAR_Q * f.conjugate(output)).sum()
  at = _classifier() if informed else start()
  trained = fit(lambda d: expected(loss, NEAR_P, NEAR_Q, d(X)), at=at)
  return Bounds(
    float(divergences.f_divergence(f, NEAR_P, NEAR_Q, CELL)),
    -float(expected(loss, NEAR_P, NEAR_Q, score_of(f, f.optimum(ratio)))),
    tuple(float(value(output)) for output in other_outputs(f, ratio).values()),
    -float(expected(loss, NEAR_P, NEAR_Q, critic(trained)(X))),
  )


@functools.cache
def _classifier() -> Any:
  return fit(lambda d: expected(losses.minimax().discriminator, NEAR_P, NEAR_Q, d(X)))


def rows() -> list[Row]:
  """The claims."""
  value = -expected(losses.minimax().discriminator, P, Q, critic(cross_entropy())(X))
  theory = -jnp.log(4.0) + 2 * divergences.jensen_shannon(P, Q, CELL)
  slopes = generator_slopes()
  quotient = slopes['minimax'] / slopes['non_saturating']
  found = [
    Row('largest error of D, to p / (p + q)', 'losses.minimax', error(cross_entropy()), 0.0, 0.02),
    Row('share of p + q where that is said', 'losses.minimax', _covered(), 1.0, 0.01),
    Row('V(D, G), to -log 4 + 2 JSD', 'losses.minimax', value, theory, 0.01),
    Row('mean D of fakes that are far', 'losses.minimax', slopes['probability'], 0.0, 0.01),
    Row('slope, saturating / not', 'losses.non_saturating', quotient, 0.0, 0.01),
  ]
  for name in FAMILY:
    here = bounds(name)
    function = f"losses.f_divergence('{name}')"
    found += [
      Row(f'{name}: bound at the best score', function, here.best, here.divergence, 1e-4),
      Row(f'{name}: trained', function, here.trained, here.divergence, _gap(name)),
    ]
  informed = bounds('total_variation', informed=True)
  what, function = 'total_variation: trained on from cross-entropy', found[-1].function
  return [*found, Row(what, function, informed.trained, informed.divergence, 2e-3)]


def _covered() -> jax.Array:
  return jnp.where(P + Q > MASS, P + Q, 0).sum() / (P + Q).sum()


def _gap(name: str) -> float | None:
  # Its output is flat where it is sure, so a mistake made early is never mended.
  return None if name == 'total_variation' else 1e-3
