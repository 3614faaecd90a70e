"""The Dirac-GAN of Mescheder et al. 2018 (arXiv:1801.04406), played by the games of this package.

All data are 0, the generator makes theta, the discriminator scores psi x. The equilibrium is
psi = theta = 0. Whether play gets there is seen in the eigenvalues of the Jacobian of the players'
gradients, and in where the train step goes.
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
  """A generator of one point, whatever the latents."""

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key=None) -> jax.Array:
    """[B, 1] -> [B, 1], theta throughout."""
    return self.param('theta', nn.initializers.zeros, ()) + 0 * latents


class Psi(nn.Module):
  """The discriminator psi x, or psi x + bias.

  Attributes:
    bias: where a bias starts, which is trained; None for none.
  """

  bias: float | None = None

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key=None) -> jax.Array:
    """[B, 1] -> [B]."""
    scores = self.param('psi', nn.initializers.zeros, ()) * points[:, 0]
    if self.bias is None:
      return scores
    return scores + self.param('bias', nn.initializers.constant(self.bias), ())


def game(loss: Mapping[str, Any], bias: float | None = None, **more: Any) -> Game:
  """The two-player game of a loss, with `penalties` or `noise`, or with consensus of a `weight`."""
  make = consensus.make if 'weight' in more else two_player.make
  networks = {'generator': Theta(), 'discriminator': Psi(bias)}
  return make(networks, loss=loss, prior=PRIOR, **more)


def origin(played: Game) -> tuple[jax.Array, Callable[[jax.Array], Mapping[str, Any]]]:
  """The parameters at the start, which is the equilibrium, as a vector, and the way back from one.

  The vector is (psi, theta), or (bias, psi, theta).
  """
  return ravel_pytree(dict(played.init(jax.random.key(SEED), {'real': jnp.zeros((1, 1))}).params))


def field(played: Game, batch: int = 1) -> Callable[[jax.Array], jax.Array]:
  """Parameters -> minus the gradient of each player's loss in what it trains."""
  _, unravel = origin(played)
  real, key = {'real': jnp.zeros((batch, 1))}, jax.random.key(SEED)
  inputs = Inputs(
    batch=real,
    key=jax.random.split(key, batch),
    step=jnp.int32(0),
    memory=played.init_memory(key, real),
  )

  def velocity(at):
    params, slopes = unravel(at), {}
    for player in played.players:

      def loss(own, player=player):
        variables = Variables({**params, **own}, {name: {} for name in params})
        return player.loss(variables, inputs)[0]

      slopes |= jax.grad(loss)({name: params[name] for name in player.trains})
    return -ravel_pytree(slopes)[0]

  return velocity


class Case(NamedTuple):
  """A game and what theory says of it.

  Attributes:
    game: of two players.
    theory: the eigenvalues.
    function: of `gan_jax`, that they are of.
    batch: how many examples it takes.
    within: the error that is allowed.
    off: how far from the equilibrium the Jacobian is taken.
  """

  game: Game
  theory: np.ndarray
  function: str
  batch: int = 1
  within: float = 1e-3
  off: float = 0.0


def eigenvalues(case: Case) -> np.ndarray:
  """Of the field's Jacobian at the equilibrium, or a little off it."""
  at = origin(case.game)[0] + case.off
  # Not compiled: there are many games, each asked once.
  jacobian = jax.jacobian(field(case.game, case.batch))(at)
  return ordered(np.linalg.eigvals(np.asarray(jacobian, np.float64)))


def ordered(values: Any) -> np.ndarray:
  """Eigenvalues in an order in which two lists of them can be compared."""
  return np.array(sorted(np.asarray(values, complex), key=lambda v: (round(v.real, 2), v.imag)))


def step(played: Game, order: str = 'simultaneous', rate: float = 0.1):
  """Parameters -> parameters after one step of `gan_jax.training.step` with plain gradient descent."""
  how = update_schedule.UpdateSchedule(
    optimizers={player.name: optax.sgd(rate) for player in played.players},
    updates={player.name: 1 for player in played.players},
    ema={},
    update_rule=order,
  )
  # One device, so that there is nothing to do together.
  alone = devices.Collectives(mean=lambda x: x, gather=lambda x: x)
  batch = lambda arrays, draw, rows: {'real': jnp.zeros((1, 1))}
  call = make_step(played, how, batch, alone, 1)
  state = init_state(played, how, jax.random.key(SEED), batch(None, 0, None))
  unravel = origin(played)[1]

  def advance(at):
    variables = state.variables.replace(params=unravel(at))
    after, _ = call(state.replace(variables=variables), {'arrays': {}, 'rows': jnp.arange(1)})
    return ravel_pytree(dict(after.variables.params))[0]

  return advance


def trajectory(advance: Callable[[jax.Array], jax.Array], steps: int = 500) -> np.ndarray:
  """[steps + 1, 2], where a step leads from psi = theta = 1."""
  move = lambda at, _: (advance(at), at)
  return np.asarray(jax.jit(lambda at: jax.lax.scan(move, at, length=steps + 1)[1])(jnp.ones(2)))
