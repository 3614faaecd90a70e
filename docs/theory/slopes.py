"""Which divergence a generator goes down, and which divergences have a slope to go down at all."""

import functools

import jax
import jax.numpy as jnp
from claims import Row
from densities import CELL, WEIGHTS, P, X, Z, data
from jax.scipy.stats import norm

from gan_jax import divergences, losses

WIDTH = 0.25
LINE = jnp.linspace(-1, 4, 5001)
SMALL = 0.001

HERE = jnp.array([0.7, -0.3])
"""The generator's mean and the logarithm of its deviation."""


def bump(center: jax.Array) -> jax.Array:
  """A raised cosine on LINE, which is 0 from WIDTH off its center on."""
  off = (LINE - center) / WIDTH
  return jnp.where(jnp.abs(off) < 1, (1 + jnp.cos(jnp.pi * off)) / (2 * WIDTH), 0)


@functools.cache
def moved(name: str):
  """shift -> (distance between a bump and itself moved, its slope in the shift)."""
  distance = getattr(divergences, name)
  return jax.jit(jax.value_and_grad(lambda shift: distance(bump(0.0), bump(shift), SMALL)))


def place(at: jax.Array) -> jax.Array:
  """The generator's samples of the latents Z."""
  return at[0] + jnp.exp(at[1]) * Z


def log_density(x: jax.Array, at: jax.Array) -> jax.Array:
  """Of the generator's samples."""
  return norm.logpdf(x, at[0], jnp.exp(at[1]))


def slope_of_loss(loss: losses.AdversarialLoss, score=None, here: jax.Array = HERE) -> jax.Array:
  """The slopes of a generator's loss in its mean and log deviation, by the latents.

  Args:
    loss: of which the generator's side is used.
    score: points -> scores, of a discriminator that does not move; by default log p / q, the best.
    here: mean and log deviation.
  """
  of = score or (lambda x: jnp.log(data(x)) - log_density(x, HERE))

  def value(at):
    scores = of(place(at))
    return (WEIGHTS * loss.generator(scores, scores)).sum()

  return jax.grad(value)(here)


def slope_of_divergence(divergence, p: jax.Array = P, here: jax.Array = HERE) -> jax.Array:
  """The slopes of divergence(p_g, p) in the same, by the densities on the grid."""
  return jax.grad(lambda at: divergence(jnp.exp(log_density(X, at)), p))(here)


def kl(q: jax.Array, p: jax.Array) -> jax.Array:
  """KL(p_g || p_data)."""
  return divergences.kl(q, p, CELL)


def js(q: jax.Array, p: jax.Array) -> jax.Array:
  """Twice the Jensen-Shannon divergence."""
  return 2 * divergences.jensen_shannon(q, p, CELL)


DESCENDS = {
  'minimax': ('2 JSD', js),
  'kl': ('KL', kl),
  'non_saturating': ('KL - 2 JSD', lambda q, p: kl(q, p) - js(q, p)),
}
"""{loss: the divergence between p_g and p_data whose slope its generator follows}."""

CLOSE = jnp.array([0.1, 0.0])
"""A generator of N(0.1, 1), for data N(0, 1)."""


def least_squares_slope(fake: float, real: float, target: float) -> jax.Array:
  """The slope in the mean at CLOSE, against the best score (real p + fake q) / (p + q)."""

  def score(x):
    p, q = norm.pdf(x), jnp.exp(log_density(x, CLOSE))
    return (real * p + fake * q) / (p + q)

  return slope_of_loss(losses.least_squares(fake, real, target), score, CLOSE)[0]


def half_chi_square_slope() -> jax.Array:
  """That of half the Pearson chi-square between p + q and 2 q (Mao et al. 2017, equation 5)."""
  divergence = lambda q, p: 0.5 * CELL * ((p - q) ** 2 / (p + q)).sum()
  return slope_of_divergence(divergence, norm.pdf(X), CLOSE)[0]


def rows() -> list[Row]:
  """The claims."""
  found = []
  known = ('jensen_shannon', 'JSD', jnp.log(2.0), 0.0), ('wasserstein_of_densities', 'W1', 1.0, 1.0)
  for name, short, theory, slope in known:
    function, (value, measured) = f'divergences.{name}', moved(name)(1.0)
    found += [
      Row(f'{short} of disjoint supports, 1 apart', function, value, theory, 1e-3),
      Row(f'its slope in the shift ({short})', function, measured, slope, 1e-3),
    ]
  for name, (text, divergence) in DESCENDS.items():
    pairs = zip(slope_of_loss(getattr(losses, name)()), slope_of_divergence(divergence), strict=True)
    for parameter, (measured, theory) in zip(('mean', 'log deviation'), pairs, strict=True):
      what = f'{name}: slope in the {parameter}, to that of {text}'
      found.append(Row(what, f'losses.{name}', measured, theory, 1e-3))
  return found + _gaussian() + _least_squares()


def _gaussian() -> list[Row]:
  """Data N(0, 1): KL(p_g || p_data) is (m^2 + s^2 - 1) / 2 - log s."""
  measured = slope_of_loss(losses.kl(), lambda x: norm.logpdf(x) - log_density(x, HERE))
  theory = HERE[0], jnp.exp(2 * HERE[1]) - 1
  what = 'kl, data N(0, 1): slope in the {}, in closed form'
  return [
    Row(what.format(name), 'losses.kl', measured[i], theory[i], 1e-3)
    for i, name in enumerate(('mean', 'log deviation'))
  ]


def _least_squares() -> list[Row]:
  what, theory = 'least_squares{}: slope in the mean, to that of χ² / 2', half_chi_square_slope()
  return [
    Row(what.format(labels), 'losses.least_squares', least_squares_slope(*labels), theory, None)
    for labels in ((-1, 1, 0), (0, 1, 1))
  ]
