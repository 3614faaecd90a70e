"""Densities on a line, networks fitted to them with exact expectations, and what these then show."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax.scipy.stats import norm

from gan_jax import divergences, f_divergences, losses, names
from gan_jax.networks.points import Discriminator

X = jnp.linspace(-8, 8, 801)
CELL = 0.02
MASS = 1e-3
"""Where p + q is less, nothing is claimed of a discriminator: it is hardly ever asked."""

P = 0.5 * norm.pdf(X, -2, 0.7) + 0.5 * norm.pdf(X, 2, 1.0)
Q = norm.pdf(X, 0, 1.5)
NETWORK = Discriminator(hidden=(64, 64), activation='tanh')

Scorer = Callable[[jax.Array], jax.Array]


def expected(loss: losses.Pairwise, p: jax.Array, q: jax.Array, scores: jax.Array) -> jax.Array:
  """E_p E_q of a loss that is a sum of a function of real scores and one of fake scores.

  Args:
    loss: (real_scores, fake_scores) -> values.
    p: density of real points on X.
    q: density of fake ones.
    scores: at X.
  """
  zero = jnp.zeros_like(scores)
  values = p * loss(scores, zero) + q * loss(zero, scores)
  return CELL * values.sum() - loss(zero[:1], zero[:1])[0]


def fit(objective: Callable[..., jax.Array], steps: int = 10_000, rate: float = 1e-2) -> Scorer:
  """A network that minimises objective(scorer, key), by Adam with a rate that goes down to 0."""
  params = NETWORK.init(jax.random.key(0), X[:2, None], train=True)
  optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))
  apply = lambda params, x: NETWORK.apply(params, x.reshape(-1, 1), train=True)

  def step(carry, key):
    params, opt = carry
    slopes = jax.grad(lambda p: objective(lambda x: apply(p, x), key))(params)
    changes, opt = optimizer.update(slopes, opt)
    return (optax.apply_updates(params, changes), opt), None

  keys = jax.random.split(jax.random.key(1), steps)
  run = jax.jit(lambda start: jax.lax.scan(step, start, keys)[0][0])
  params = run((params, optimizer.init(params)))
  return lambda x: apply(params, x)


def optimal_discriminator() -> dict[str, jax.Array]:
  """The trained D against p / (p + q), and its value against -log 4 + 2 JSD."""
  loss = losses.minimax().discriminator
  scores = fit(lambda scorer, key: expected(loss, P, Q, scorer(X)))(X)
  found, best = jax.nn.sigmoid(scores), P / (P + Q)
  return {
    'found': found,
    'best': best,
    'error': jnp.where(P + Q > MASS, jnp.abs(found - best), 0).max(),
    'value': -expected(loss, P, Q, scores),
    'theory': -jnp.log(4.0) + 2 * divergences.jensen_shannon(P, Q, CELL),
  }


def shifted(shifts: jax.Array, deviation: float = 0.1) -> dict[str, jax.Array]:
  """JSD and Wasserstein-1 between a narrow Gaussian and itself moved, and their slopes in the move."""
  start = norm.pdf(X, 0, deviation)
  moved = lambda shift: norm.pdf(X, shift, deviation)
  curves = {}
  for name, distance in (
    ('jensen_shannon', divergences.jensen_shannon),
    ('wasserstein', divergences.wasserstein_of_densities),
  ):
    both = jax.value_and_grad(lambda shift, d=distance: d(start, moved(shift), CELL))
    curves[name], curves[f'{name} slope'] = jax.vmap(both)(shifts)
  return curves


def generator_slopes(distance: float = 2.0, deviation: float = 0.3) -> dict[str, jax.Array]:
  """The slope of each generator's loss in its mean, against a discriminator trained to tell all.

  The data are N(0, deviation^2), the generator's N(distance, deviation^2).
  """
  p, q = norm.pdf(X, 0, deviation), norm.pdf(X, distance, deviation)
  scorer = fit(lambda scorer, key: expected(losses.minimax().discriminator, p, q, scorer(X)))
  z = jnp.linspace(-5, 5, 401)
  weights = norm.pdf(z) / norm.pdf(z).sum()

  def slope(loss: losses.AdversarialLoss) -> jax.Array:
    def value(mean):
      scores = scorer(mean + deviation * z)
      return (weights * loss.generator(scores, scores)).sum()

    return jax.grad(value)(distance)

  return {
    'saturating': slope(losses.minimax()),
    'non_saturating': slope(losses.non_saturating()),
    'kl': slope(losses.kl()),
    'probability of being real': (weights * jax.nn.sigmoid(scorer(distance + deviation * z))).sum(),
  }


def kl_slopes(mean: float = 0.7, log_deviation: float = -0.3) -> dict[str, jax.Array]:
  """Slopes of `losses.kl` with the true ratio as the score, and of KL(p_g || p_data).

  In the generator's two parameters. The data are the mixture of P, the generator makes
  N(mean, exp(log_deviation)^2).
  """
  z = jnp.linspace(-6, 6, 2001)
  weights = norm.pdf(z) / norm.pdf(z).sum()
  data = lambda x: jnp.logaddexp(norm.logpdf(x, -2, 0.7), norm.logpdf(x, 2, 1.0)) - jnp.log(2.0)
  made = lambda x, at: norm.logpdf(x, at[0], jnp.exp(at[1]))
  place = lambda at: at[0] + jnp.exp(at[1]) * z
  here = jnp.array([mean, log_deviation])

  def loss(at):
    # The score's q is where the generator is, and does not move with it.
    scores = data(place(at)) - made(place(at), here)
    return (weights * losses.kl().generator(scores, scores)).sum()

  def divergence(at):
    return (weights * (made(place(at), at) - data(place(at)))).sum()

  return {'loss': jax.grad(loss)(here), 'divergence': jax.grad(divergence)(here)}


def f_bounds() -> dict[str, dict[str, float]]:
  """For each f: the divergence, its bound at the best T, at a worse one, and of a trained network."""
  # Ratios stay within 1/30 and 30, or the chi-squares would be made of the far tails.
  p, q = 0.9 * P + 0.1 * Q, 0.9 * Q + 0.1 * P
  rows = {}
  for name, make in names.factories(f_divergences, f_divergences.FDivergence).items():
    f, ratio = make(), p / q

    def bound(best, f=f):
      return CELL * (p * best - q * f.conjugate(best)).sum()

    loss = losses.f_divergence(name).discriminator
    scores = fit(lambda scorer, key, loss=loss: expected(loss, p, q, scorer(X)), steps=4000)(X)
    row = {
      'divergence': CELL * (q * f.f(ratio)).sum(),
      'at the optimum': bound(f.optimum(ratio)),
      'off the optimum': bound(f.optimum(1.3 * ratio)),
      'trained': -expected(loss, p, q, scores),
    }
    rows[name] = {key: float(value) for key, value in row.items()}
  return rows
