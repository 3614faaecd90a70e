"""Discriminators trained to convergence, and the values of their losses."""

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
"""Nothing is claimed where p + q is less, because the discriminator is hardly ever evaluated there."""

FAR, STD = 2.0, 0.3
"""A generator that is far from the data: N(FAR, STD^2) against N(0, STD^2)."""

# Mixtures keep the ratio between 1/9 and 9; otherwise far tails would dominate the chi-squares.
NEAR_P, NEAR_Q = 0.9 * P + 0.1 * Q, 0.9 * Q + 0.1 * P
FAMILY = lookup.factories(f_divergences, FDivergence)


def error(params: Any) -> jax.Array:
  """Returns the largest difference between D and p / (p + q) where p + q exceeds MASS."""
  output = jax.nn.sigmoid(critic(params)(X))
  return jnp.where(P + Q > MASS, jnp.abs(output - P / (P + Q)), 0).max()


@functools.cache
def cross_entropy() -> Any:
  """Returns the parameters of the discriminator trained with `losses.minimax`."""
  return fit(lambda d: expected(losses.minimax().discriminator, P, Q, d(X)), steps=5000)


@functools.cache
def generator_gradients() -> dict[str, float]:
  """Returns the derivative of each generator's loss in its mean, and the mean of D of its samples."""
  p, q = norm.pdf(X, 0, STD), norm.pdf(X, FAR, STD)
  trained = critic(fit(lambda d: expected(losses.minimax().discriminator, p, q, d(X))))
  logits = lambda mean: trained(mean + STD * Z)

  def derivative(loss: losses.AdversarialLoss) -> float:
    value = lambda mean: (WEIGHTS * loss.generator(logits(mean), logits(mean))).sum()
    return float(jax.grad(value)(FAR))

  names = ('minimax', 'non_saturating', 'kl')
  gradients = {name: derivative(getattr(losses, name)()) for name in names}
  return gradients | {'probability': float((WEIGHTS * jax.nn.sigmoid(logits(FAR))).sum())}


class Bounds(NamedTuple):
  """An f-divergence of NEAR_P and NEAR_Q, and lower bounds of it."""

  divergence: float
  best: float
  others: tuple[float, ...]
  trained: float


def logits_for(f: FDivergence, target: jax.Array) -> jax.Array:
  """Returns the logits at which f's output is `target`, by bisection; +-40 for infinite ones."""

  def halve(ends, _):
    middle = 0.5 * (ends[0] + ends[1])
    low = f.output(middle) < target
    return (jnp.where(low, middle, ends[0]), jnp.where(low, ends[1], middle)), None

  ends = jnp.full_like(target, -40.0), jnp.full_like(target, 40.0)
  return jax.lax.scan(halve, ends, length=50)[0][0]


def other_outputs(f: FDivergence, ratio: jax.Array) -> dict[str, jax.Array]:
  """Returns outputs T other than f'(p / q), all in the domain of the conjugate."""
  best, even = f.optimum(ratio), f.optimum(jnp.ones_like(ratio))
  return {
    'half way to a constant': 0.5 * (best + even),
    'of a ratio too large': f.optimum(1.5 * ratio),
    'of a ratio too flat': f.optimum(jnp.sqrt(ratio)),
    'constant': even,
  }


@functools.cache
def bounds(name: str, informed: bool = False) -> Bounds:
  """Returns the bounds of one f; `informed` starts training from a cross-entropy classifier."""
  f, loss, ratio = FAMILY[name](), losses.f_divergence(name).discriminator, NEAR_P / NEAR_Q
  value = lambda output: CELL * (NEAR_P * output - NEAR_Q * f.conjugate(output)).sum()
  initial = _classifier() if informed else start()
  trained = fit(lambda d: expected(loss, NEAR_P, NEAR_Q, d(X)), initial=initial)
  return Bounds(
    float(divergences.f_divergence(f, NEAR_P, NEAR_Q, CELL)),
    -float(expected(loss, NEAR_P, NEAR_Q, logits_for(f, f.optimum(ratio)))),
    tuple(float(value(output)) for output in other_outputs(f, ratio).values()),
    -float(expected(loss, NEAR_P, NEAR_Q, critic(trained)(X))),
  )


@functools.cache
def _classifier() -> Any:
  return fit(lambda d: expected(losses.minimax().discriminator, NEAR_P, NEAR_Q, d(X)))


def rows() -> list[Row]:
  """Returns the claims."""
  value = -expected(losses.minimax().discriminator, P, Q, critic(cross_entropy())(X))
  theory = -jnp.log(4.0) + 2 * divergences.jensen_shannon(P, Q, CELL)
  gradients = generator_gradients()
  quotient = gradients['minimax'] / gradients['non_saturating']
  claims = [
    Row('largest error of D, to p / (p + q)', 'losses.minimax', error(cross_entropy()), 0.0, 0.02),
    Row('fraction of p + q where this is claimed', 'losses.minimax', _covered(), 1.0, 0.01),
    Row('V(D, G), to -log 4 + 2 JSD', 'losses.minimax', value, theory, 0.01),
    Row('mean D of distant fakes', 'losses.minimax', gradients['probability'], 0.0, 0.01),
    Row('gradient, saturating / not', 'losses.non_saturating', quotient, 0.0, 0.01),
  ]
  for name in FAMILY:
    measured = bounds(name)
    function = f"losses.f_divergence('{name}')"
    claims += [
      Row(f'{name}: bound at the best logits', function, measured.best, measured.divergence, 1e-4),
      Row(f'{name}: trained', function, measured.trained, measured.divergence, _gap(name)),
    ]
  informed = bounds('total_variation', informed=True)
  what, function = 'total_variation: trained from cross-entropy', claims[-1].function
  return [*claims, Row(what, function, informed.trained, informed.divergence, 2e-3)]


def _covered() -> jax.Array:
  return jnp.where(P + Q > MASS, P + Q, 0).sum() / (P + Q).sum()


def _gap(name: str) -> float | None:
  # Its output is flat where the logits are large, so training never corrects an early mistake.
  return None if name == 'total_variation' else 1e-3
