"""The Dirac-GAN of Mescheder et al. 2018 (arXiv:1801.04406), played by the games of this package.

All data are 0, the generator outputs theta, and the discriminator outputs psi x. The equilibrium is
psi = theta = 0. The eigenvalues of the Jacobian of the players' gradients, and the trajectory of the
train step, show whether training converges to it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax.flatten_util import ravel_pytree

from gan_jax.game import Game, Inputs, Variables
from gan_jax.gans import consensus, two_player
from gan_jax.runtime import devices
from gan_jax.training import update_schedule
from gan_jax.training.state import init_state
from gan_jax.training.step import make_step

PRIOR = {'name': 'normal', 'size': 1}
SEED = 0


class Theta(nn.Module):
  """A generator of one point, which ignores the latents."""

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Returns theta for each of the latents, [B, 1] -> [B, 1]."""
    return self.param('theta', nn.initializers.zeros, ()) + 0 * latents


class Psi(nn.Module):
  """The discriminator psi x, or psi x + bias.

  Attributes:
    bias: initial value of a trained bias; None for no bias.
  """

  bias: float | None = None

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key=None) -> jax.Array:
    """Returns the logits, [B, 1] -> [B]."""
    logits = self.param('psi', nn.initializers.zeros, ()) * points[:, 0]
    if self.bias is None:
      return logits
    return logits + self.param('bias', nn.initializers.constant(self.bias), ())


def game(loss: Mapping[str, Any], bias: float | None = None, **arguments: Any) -> Game:
  """Returns the two-player game of a loss with `penalties` or `noise`, or consensus with a `weight`."""
  make = consensus.make if 'weight' in arguments else two_player.make
  networks = {'generator': Theta(), 'discriminator': Psi(bias)}
  return make(networks, loss=loss, prior=PRIOR, **arguments)


def origin(played: Game) -> tuple[jax.Array, Callable[[jax.Array], Mapping[str, Any]]]:
  """Returns the initial parameters, which are the equilibrium, as a vector, and the inverse mapping.

  The vector is (psi, theta), or (bias, psi, theta).
  """
  return ravel_pytree(dict(played.init(jax.random.key(SEED), {'real': jnp.zeros((1, 1))}).params))


def field(played: Game, batch: int = 1) -> Callable[[jax.Array], jax.Array]:
  """Returns the function parameters -> minus the gradient of each player's loss in its parameters."""
  _, unravel = origin(played)
  real, key = {'real': jnp.zeros((batch, 1))}, jax.random.key(SEED)
  inputs = Inputs(
    batch=real,
    key=jax.random.split(key, batch),
    step=jnp.int32(0),
    memory=played.init_memory(key, real),
  )

  def velocity(vector):
    params, gradients = unravel(vector), {}
    for player in played.players:

      def loss(trained, player=player):
        variables = Variables({**params, **trained}, {name: {} for name in params})
        return player.loss(variables, inputs)[0]

      gradients |= jax.grad(loss)({name: params[name] for name in player.trains})
    return -ravel_pytree(gradients)[0]

  return velocity


class Case(NamedTuple):
  """A game and its eigenvalues in theory.

  Attributes:
    game: the two-player game.
    theory: the eigenvalues.
    function: the function of `gan_jax` that they describe.
    batch: batch size.
    within: allowed error.
    off: distance from the equilibrium at which the Jacobian is taken.
  """

  game: Game
  theory: np.ndarray
  function: str
  batch: int = 1
  within: float = 1e-3
  off: float = 0.0


def eigenvalues(case: Case) -> np.ndarray:
  """Returns the eigenvalues of the field's Jacobian at the equilibrium, or slightly off it."""
  vector = origin(case.game)[0] + case.off
  # Without jit: each of the many games is evaluated only once.
  jacobian = jax.jacobian(field(case.game, case.batch))(vector)
  return ordered(np.linalg.eigvals(np.asarray(jacobian, np.float64)))


def ordered(values: Any) -> np.ndarray:
  """Sorts eigenvalues so that two lists of them can be compared."""
  return np.array(sorted(np.asarray(values, complex), key=lambda v: (round(v.real, 2), v.imag)))


def step(played: Game, order: str = 'simultaneous', rate: float = 0.1):
  """Returns the function parameters -> parameters after one `make_step` with gradient descent."""
  schedule = update_schedule.UpdateSchedule(
    optimizers={player.name: optax.sgd(rate) for player in played.players},
    updates={player.name: 1 for player in played.players},
    ema={},
    order=order,
  )
  # With one device there is nothing to reduce.
  single_device = devices.Collectives(mean=lambda x: x, gather=lambda x: x)
  batch = lambda arrays, batch_index, rows: {'real': jnp.zeros((1, 1))}
  call = make_step(played, schedule, batch, single_device, 1)
  state = init_state(played, schedule, jax.random.key(SEED), batch(None, 0, None))
  unravel = origin(played)[1]

  def advance(vector):
    variables = state.variables.replace(params=unravel(vector))
    after, _ = call(state.replace(variables=variables), {'arrays': {}, 'rows': jnp.arange(1)})
    return ravel_pytree(dict(after.variables.params))[0]

  return advance


def trajectory(advance: Callable[[jax.Array], jax.Array], steps: int = 500) -> np.ndarray:
  """Returns the trajectory [steps + 1, 2] of a step that starts at psi = theta = 1."""
  move = lambda vector, _: (advance(vector), vector)
  run = jax.jit(lambda vector: jax.lax.scan(move, vector, length=steps + 1)[1])
  return np.asarray(run(jnp.ones(2)))
