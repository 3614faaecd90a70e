"""Two densities on a line, and networks fitted to densities with expectations that are exact.

An expectation is a sum over a grid, so that there is no sampling noise in what is measured.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.scipy.stats import norm

from gan_jax import losses
from gan_jax.networks.mlp_2d import Discriminator

X = jnp.linspace(-8, 8, 401)
CELL = 0.04

Critic = Callable[[jax.Array], jax.Array]
"""Points [N] or [N, 1] -> scores [N]."""


def data(x: jax.Array) -> jax.Array:
  """The density of real points: 1/2 N(-2, 0.7^2) + 1/2 N(2, 1)."""
  return 0.5 * norm.pdf(x, -2, 0.7) + 0.5 * norm.pdf(x, 2, 1.0)


P = data(X)
Q = norm.pdf(X, 0, 1.5)
"""Of real points, and of fake ones, on X."""

Z = jnp.linspace(-6, 6, 1201)
WEIGHTS = norm.pdf(Z) / norm.pdf(Z).sum()
"""Standard normal latents, and what each stands for."""

NETWORK = Discriminator(hidden=(64, 64), activation='tanh')
SEED = 0


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


def critic(params: Any) -> Critic:
  """The network of these parameters."""
  return lambda x: NETWORK.apply(params, x.reshape(-1, 1), train=True)


def start() -> Any:
  """The parameters that every fit starts from, unless it is given others."""
  return NETWORK.init(jax.random.key(SEED), X[:2, None], train=True)


def fit(
  objective: Callable[[Critic], jax.Array], steps: int = 3000, rate: float = 5e-3, at: Any = None
) -> Any:
  """Parameters that minimise an objective, by Adam with a rate that goes down to 0.

  Args:
    objective: critic -> scalar.
    steps: of Adam.
    rate: of the first step.
    at: parameters to start from.
  """
  optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))

  def step(carry, _):
    params, opt = carry
    changes, opt = optimizer.update(jax.grad(lambda p: objective(critic(p)))(params), opt)
    return (optax.apply_updates(params, changes), opt), None

  params = start() if at is None else at
  run = jax.jit(lambda carry: jax.lax.scan(step, carry, length=steps)[0][0])
  return run((params, optimizer.init(params)))
