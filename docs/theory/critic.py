"""The WGAN-GP critic in one dimension: its estimate of Wasserstein-1, and its slope."""

import jax
import jax.numpy as jnp
from densities import CELL, Scorer, X, expected, fit
from jax.scipy.stats import norm

from gan_jax import divergences, losses, penalties

REAL, FAKE = (-1.5, 0.5), (1.0, 0.8)
"""Mean and deviation of the two Gaussians."""

BATCH = 512
CRITICS = {
  'weight 10': (10.0, False),
  'weight 100': (100.0, False),
  'weight 100, one-sided': (100.0, True),
}


def densities() -> tuple[jax.Array, jax.Array]:
  """Of real and of fake points on X."""
  return norm.pdf(X, *REAL), norm.pdf(X, *FAKE)


def train(weight: float, one_sided: bool) -> Scorer:
  """A critic with the gradient penalty of this weight, on interpolates drawn anew in every step."""
  p, q = densities()

  def objective(critic: Scorer, key: jax.Array) -> jax.Array:
    real_key, fake_key, key = jax.random.split(key, 3)
    real = REAL[0] + REAL[1] * jax.random.normal(real_key, (BATCH, 1))
    fake = FAKE[0] + FAKE[1] * jax.random.normal(fake_key, (BATCH, 1))
    points = penalties.interpolate(jax.random.split(key, BATCH), real, fake)
    penalty = penalties.gradient_penalty(critic, points, one_sided=one_sided).mean()
    return expected(losses.wasserstein().discriminator, p, q, critic(X)) + weight * penalty

  return fit(objective, steps=3000, rate=5e-3)


def measure(weight: float, one_sided: bool = False) -> dict[str, jax.Array]:
  """The critic's estimate and the exact distance; its slopes along the lines of transport.

  The lines join points of equal quantiles; slopes are taken at five places on each, from the 2nd to
  the 98th percentile.
  """
  critic, (p, q) = train(weight, one_sided), densities()
  levels = norm.ppf(jnp.linspace(0.02, 0.98, 49))
  ends = [mean + deviation * levels for mean, deviation in (REAL, FAKE)]
  shares = jnp.linspace(0, 1, 5)[:, None]
  lines = (shares * ends[0] + (1 - shares) * ends[1]).reshape(-1, 1)
  slopes = penalties.gradient_norm(critic, lines)
  return {
    'estimate': -expected(losses.wasserstein().discriminator, p, q, critic(X)),
    'exact': divergences.wasserstein_of_densities(p, q, CELL),
    'mean slope': slopes.mean(),
    'worst slope': jnp.abs(slopes - 1).max(),
    'critic': critic(X),
    'slope': penalties.gradient_norm(critic, X[:, None]),
  }
