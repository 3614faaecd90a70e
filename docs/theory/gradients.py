"""The divergence that each generator minimizes, and which divergences have a gradient to follow."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from claims import Row
from densities import CELL, WEIGHTS, P, X, Z, data
from jax.scipy.stats import norm

from gan_jax import divergences, losses

WIDTH = 0.25
LINE = jnp.linspace(-1, 4, 5001)
SMALL = 0.001

GENERATOR = jnp.array([0.7, -0.3])
"""The generator's mean and the logarithm of its standard deviation."""


def bump(center: jax.Array) -> jax.Array:
  """Returns a raised cosine on LINE, which is 0 at distances of at least WIDTH from its center."""
  offset = (LINE - center) / WIDTH
  return jnp.where(jnp.abs(offset) < 1, (1 + jnp.cos(jnp.pi * offset)) / (2 * WIDTH), 0)


@functools.cache
def moved(name: str):
  """Returns the function shift -> (distance between a bump and its shifted copy, its derivative)."""
  distance = getattr(divergences, name)
  return jax.jit(jax.value_and_grad(lambda shift: distance(bump(0.0), bump(shift), SMALL)))


def samples(parameters: jax.Array) -> jax.Array:
  """Returns the generator's samples of the latents Z."""
  return parameters[0] + jnp.exp(parameters[1]) * Z


def log_density(x: jax.Array, parameters: jax.Array) -> jax.Array:
  """Returns the log density of the generator's samples."""
  return norm.logpdf(x, parameters[0], jnp.exp(parameters[1]))


def gradient_of_loss(
  loss: losses.AdversarialLoss,
  critic: Callable | None = None,
  parameters: jax.Array = GENERATOR,
) -> jax.Array:
  """Returns the gradient of a generator's loss in its mean and log std, computed from the latents.

  Args:
    loss: the loss, of which the generator's side is used.
    critic: points -> logits of a fixed discriminator; by default the optimal one, log p / q.
    parameters: mean and log std.
  """
  critic = critic or (lambda x: jnp.log(data(x)) - log_density(x, GENERATOR))

  def value(parameters):
    logits = critic(samples(parameters))
    return (WEIGHTS * loss.generator(logits, logits)).sum()

  return jax.grad(value)(parameters)


def gradient_of_divergence(
  divergence: Callable, p: jax.Array = P, parameters: jax.Array = GENERATOR
) -> jax.Array:
  """Returns the same gradient of divergence(p_g, p), computed from the densities on the grid."""
  return jax.grad(lambda v: divergence(jnp.exp(log_density(X, v)), p))(parameters)


def kl(q: jax.Array, p: jax.Array) -> jax.Array:
  """Returns KL(p_g || p_data)."""
  return divergences.kl(q, p, CELL)


def js(q: jax.Array, p: jax.Array) -> jax.Array:
  """Returns twice the Jensen-Shannon divergence."""
  return 2 * divergences.jensen_shannon(q, p, CELL)


DESCENDS = {
  'minimax': ('2 JSD', js),
  'kl': ('KL', kl),
  'non_saturating': ('KL - 2 JSD', lambda q, p: kl(q, p) - js(q, p)),
}
"""{loss: the divergence between p_g and p_data whose gradient its generator follows}."""

CLOSE = jnp.array([0.1, 0.0])
"""A generator of N(0.1, 1), for data N(0, 1)."""


def least_squares_derivative(fake: float, real: float, target: float) -> jax.Array:
  """Returns the derivative in the mean at CLOSE, for the optimal D = (real p + fake q) / (p + q)."""

  def critic(x):
    p, q = norm.pdf(x), jnp.exp(log_density(x, CLOSE))
    return (real * p + fake * q) / (p + q)

  return gradient_of_loss(losses.least_squares(fake, real, target), critic, CLOSE)[0]


def half_chi_square_derivative() -> jax.Array:
  """Returns the derivative of half the Pearson chi-square of p + q and 2 q (Mao et al. 2017, eq. 5)."""
  divergence = lambda q, p: 0.5 * CELL * ((p - q) ** 2 / (p + q)).sum()
  return gradient_of_divergence(divergence, norm.pdf(X), CLOSE)[0]


def rows() -> list[Row]:
  """Returns the claims."""
  claims = []
  known = ('jensen_shannon', 'JSD', jnp.log(2.0), 0.0), ('wasserstein_of_densities', 'W1', 1.0, 1.0)
  for name, short, theory, derivative in known:
    function, (value, measured) = f'divergences.{name}', moved(name)(1.0)
    claims += [
      Row(f'{short} of disjoint supports, 1 apart', function, value, theory, 1e-3),
      Row(f'its derivative in the shift ({short})', function, measured, derivative, 1e-3),
    ]
  for name, (text, divergence) in DESCENDS.items():
    of_loss = gradient_of_loss(getattr(losses, name)())
    of_divergence = gradient_of_divergence(divergence)
    for i, parameter in enumerate(('mean', 'log std')):
      what = f'{name}: derivative in the {parameter}, to that of {text}'
      claims.append(Row(what, f'losses.{name}', of_loss[i], of_divergence[i], 1e-3))
  return claims + _gaussian() + _least_squares()


def _gaussian() -> list[Row]:
  """Returns the claims for data N(0, 1), where KL(p_g || p_data) is (m^2 + s^2 - 1) / 2 - log s."""
  critic = lambda x: norm.logpdf(x) - log_density(x, GENERATOR)
  measured = gradient_of_loss(losses.kl(), critic)
  theory = GENERATOR[0], jnp.exp(2 * GENERATOR[1]) - 1
  what = 'kl, data N(0, 1): derivative in the {}, in closed form'
  return [
    Row(what.format(name), 'losses.kl', measured[i], theory[i], 1e-3)
    for i, name in enumerate(('mean', 'log std'))
  ]


def _least_squares() -> list[Row]:
  what, theory = (
    'least_squares{}: derivative in the mean, to that of χ² / 2',
    half_chi_square_derivative(),
  )
  return [
    Row(what.format(labels), 'losses.least_squares', least_squares_derivative(*labels), theory, None)
    for labels in ((-1, 1, 0), (0, 1, 1))
  ]
