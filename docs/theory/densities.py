"""Two densities on a line, and networks fitted to them with exact expectations.

An expectation is a sum over a grid, so the measurements have no sampling noise.
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
"""Points [N] or [N, 1] -> logits [N]."""


def data(x: jax.Array) -> jax.Array:
  """Returns the density of real points, 1/2 N(-2, 0.7^2) + 1/2 N(2, 1)."""
  return 0.5 * norm.pdf(x, -2, 0.7) + 0.5 * norm.pdf(x, 2, 1.0)


P = data(X)
"""Density of real points on X."""

Q = norm.pdf(X, 0, 1.5)
"""Density of fake points on X."""

Z = jnp.linspace(-6, 6, 1201)
WEIGHTS = norm.pdf(Z) / norm.pdf(Z).sum()
"""Standard normal weights of the latents Z."""

NETWORK = Discriminator(hidden=(64, 64), activation='tanh')
SEED = 0


def expected(loss: losses.Pairwise, p: jax.Array, q: jax.Array, logits: jax.Array) -> jax.Array:
  """Returns E_p E_q of a loss that is a sum of a function of real logits and one of fake logits.

  Args:
    loss: (real_logits, fake_logits) -> values.
    p: density of real points on X.
    q: density of fake points.
    logits: logits at X.
  """
  zero = jnp.zeros_like(logits)
  values = p * loss(logits, zero) + q * loss(zero, logits)
  return CELL * values.sum() - loss(zero[:1], zero[:1])[0]


def critic(params: Any) -> Critic:
  """Returns the network with these parameters as a function."""
  return lambda x: NETWORK.apply(params, x.reshape(-1, 1), train=True)


def start() -> Any:
  """Returns the default initial parameters of a fit."""
  return NETWORK.init(jax.random.key(SEED), X[:2, None], train=True)


def fit(
  objective: Callable[[Critic], jax.Array], steps: int = 3000, rate: float = 5e-3, initial: Any = None
) -> Any:
  """Returns parameters that minimize an objective, by Adam with a learning rate that decays to 0.

  Args:
    objective: critic -> scalar.
    steps: number of Adam steps.
    rate: learning rate of the first step.
    initial: initial parameters; by default those of `start`.
  """
  optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))

  def step(carry, _):
    params, opt = carry
    updates, opt = optimizer.update(jax.grad(lambda p: objective(critic(p)))(params), opt)
    return (optax.apply_updates(params, updates), opt), None

  params = start() if initial is None else initial
  run = jax.jit(lambda carry: jax.lax.scan(step, carry, length=steps)[0][0])
  return run((params, optimizer.init(params)))
