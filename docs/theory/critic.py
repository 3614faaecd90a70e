"""The critic of WGAN-GP in one dimension: its estimate of Wasserstein-1, and its slope.

Of a critic f with |f'| = s on the way from one density to the other, the expected loss is
-integral s |F - G| + weight integral r (s - 1)^2, where F and G are the distribution functions and r is
the density of the points that are penalised. Its least is at s = 1 + |F - G| / (2 weight r), so the
critic overestimates Wasserstein-1 = integral |F - G| by integral (F - G)^2 / (2 weight r).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from claims import Row
from densities import CELL, X, critic, expected, fit
from jax.scipy.stats import norm

from gan_jax import divergences, losses
from gan_jax.losses import penalties

REAL, FAKE = (-1.5, 0.5), (1.0, 0.8)
"""Mean and deviation of the two Gaussians."""

P, Q = norm.pdf(X, *REAL), norm.pdf(X, *FAKE)
CRITICS = {
  'λ = 10': (10.0, False),
  'λ = 100': (100.0, False),
  'λ = 100, one-sided': (100.0, True),
}
"""{name: (weight of the penalty, whether slopes below 1 are free)}; 10 is of Gulrajani et al. 2017."""


def between() -> jax.Array:
  """The density on X of `penalties.interpolate`: Gaussian for each share, averaged over shares."""
  shares = (jnp.arange(400) + 0.5)[:, None] / 400
  mean = shares * REAL[0] + (1 - shares) * FAKE[0]
  deviation = jnp.hypot(shares * REAL[1], (1 - shares) * FAKE[1])
  return norm.pdf(X, mean, deviation).mean(axis=0)


def apart() -> jax.Array:
  """|F - G| on X."""
  return jnp.abs(norm.cdf(X, *REAL) - norm.cdf(X, *FAKE))


def best_slope(weight: float) -> jax.Array:
  """That of the critic on X in theory, where anything is between the two; 1 elsewhere."""
  density = between()
  return 1 + jnp.where(density > 1e-4, apart() / (2 * weight * jnp.maximum(density, 1e-4)), 0)


@functools.cache
def train(weight: float, one_sided: bool) -> Any:
  """The parameters of a critic with the gradient penalty of this weight."""
  density, points = between(), X[:, None]

  def objective(f):
    penalty = CELL * (density * penalties.gradient_penalty(f, points, one_sided=one_sided)).sum()
    return expected(losses.wasserstein().discriminator, P, Q, f(X)) + weight * penalty

  return fit(objective)


class Measured(NamedTuple):
  """A critic's estimate, its slope on X, and its slopes on the lines of transport."""

  estimate: float
  slope: jax.Array
  on_lines: jax.Array


def lines() -> jax.Array:
  """[245, 1], five places on each line that joins points of equal quantiles, from 2 to 98 percent."""
  levels = norm.ppf(jnp.linspace(0.02, 0.98, 49))
  ends = [mean + deviation * levels for mean, deviation in (REAL, FAKE)]
  shares = jnp.linspace(0, 1, 5)[:, None]
  return (shares * ends[0] + (1 - shares) * ends[1]).reshape(-1, 1)


@functools.cache
def measure(name: str) -> Measured:
  """What the trained critic of CRITICS shows."""
  f = critic(train(*CRITICS[name]))
  estimate = -expected(losses.wasserstein().discriminator, P, Q, f(X))
  norms = penalties.gradient_norm
  return Measured(float(estimate), norms(f, X[:, None]), norms(f, lines()))


def rows() -> list[Row]:
  """The claims."""
  exact, found = float(divergences.wasserstein_of_densities(P, Q, CELL)), []
  loss, penalty = 'losses.wasserstein', 'penalties.gradient_penalty'
  for name, (weight, _) in CRITICS.items():
    here, theory = measure(name), best_slope(weight)
    estimate = CELL * (apart() * theory).sum()
    mean = jnp.interp(lines()[:, 0], X, theory).mean()
    worst = jnp.abs(here.on_lines - 1).max()
    # Of the soft penalty nothing is claimed but that it does what its own theory says.
    hard = weight > 10
    found += [
      Row(f'{name}: estimate, to W1', loss, here.estimate, exact, 0.02 * exact if hard else None),
      Row(f'{name}: estimate, to W1 + surplus', loss, here.estimate, estimate, 0.005 * exact),
      Row(f'{name}: mean slope along transport, to 1 + ...', penalty, here.on_lines.mean(), mean, 0.01),
      Row(f'{name}: largest distance of a slope from 1', penalty, worst, 0.0, 0.05 if hard else None),
    ]
  return found
