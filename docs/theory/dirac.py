"""The Dirac-GAN of Mescheder et al. 2018 (arXiv:1801.04406), played by the games of this package.

All data are 0, the generator makes theta, the discriminator scores psi x. The equilibrium is
psi = theta = 0. Whether play gets there is seen in the eigenvalues of the Jacobian of the players'
gradients, and in where simultaneous gradient descent goes.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.game import Game, Inputs, Variables
from gan_jax.gans import consensus, two_player

PRIOR = {'name': 'normal', 'size': 1}


class Theta(nn.Module):
  """A generator of one point, whatever the latents."""

  @nn.compact
  def __call__(self, latents, *, train, key=None):
    """[B, 1] -> [B, 1]."""
    theta = self.param('theta', nn.initializers.zeros, ())
    return theta + 0 * latents


class Psi(nn.Module):
  """The discriminator psi x."""

  @nn.compact
  def __call__(self, points, *, train, key=None):
    """[B, 1] -> [B]."""
    return self.param('psi', nn.initializers.zeros, ()) * points[:, 0]


NETWORKS = {'generator': Theta(), 'discriminator': Psi()}


def game(loss: Mapping[str, Any], **more: Any) -> Game:
  """The two-player game of a loss, with `penalties` or `noise`, or with consensus of a `weight`."""
  make = consensus.make if 'weight' in more else two_player.make
  return make(NETWORKS, loss=loss, prior=PRIOR, **more)


def field(played: Game, batch: int = 1):
  """(psi, theta) -> minus the gradient of each player's loss in its own parameter."""
  inputs = Inputs(
    batch={'real': jnp.zeros((batch, 1))},
    key=jax.random.split(jax.random.key(0), batch),
    step=jnp.int32(0),
    memory={},
  )

  def params(at):
    return {'discriminator': {'psi': at[0]}, 'generator': {'theta': at[1]}}

  def velocity(at):
    slopes = []
    for place, player in enumerate(played.players):

      def loss(own, place=place, player=player):
        variables = Variables(params(at.at[place].set(own)), {'generator': {}, 'discriminator': {}})
        return player.loss(variables, inputs)[0]

      slopes.append(-jax.grad(loss)(at[place]))
    return jnp.stack(slopes)

  return velocity


def eigenvalues(played: Game, batch: int = 1) -> np.ndarray:
  """Of the field's Jacobian at the equilibrium, by rising imaginary part."""
  jacobian = jax.jit(jax.jacobian(field(played, batch)))(jnp.zeros(2))
  return np.array(sorted(np.linalg.eigvals(np.asarray(jacobian, np.float64)), key=lambda v: v.imag))


def trajectory(played: Game, steps: int = 500, rate: float = 0.1, batch: int = 1) -> np.ndarray:
  """[steps + 1, 2], where simultaneous gradient descent goes from psi = theta = 1."""
  move = field(played, batch)
  advance = lambda at, _: (at + rate * move(at), at)
  start = jnp.ones(2)
  return np.asarray(jax.jit(lambda at: jax.lax.scan(advance, at, length=steps + 1)[1])(start))


NON_SATURATING = {'name': 'non_saturating'}
NOISE_BATCH = 20_000


def cases() -> dict[str, tuple[Game, complex, int]]:
  """{name: (game, the eigenvalue of positive imaginary part by theory, examples it takes)}."""
  signed = {'name': 'least_squares', 'fake': -1.0, 'real': 1.0, 'target': 1.0}
  pearson = {'name': 'f_divergence', 'divergence': 'pearson'}
  paired = {'name': 'relativistic_paired', 'base': NON_SATURATING}
  free = {
    'minimax': ({'name': 'minimax'}, 0.5j),
    'non-saturating': (NON_SATURATING, 0.5j),
    'kl': ({'name': 'kl'}, 1j * np.sqrt(0.5)),
    'Wasserstein': ({'name': 'wasserstein'}, 1j),
    'hinge': ({'name': 'hinge'}, 1j),
    'least squares, labels -1 and 1': (signed, 1j),
    'f-GAN, Pearson': (pearson, 1j),
    'relativistic paired': (paired, 0.5j),
  }
  found = {name: (game(loss), theory, 1) for name, (loss, theory) in free.items()}
  # -gamma / 2 +- sqrt(gamma^2 / 4 - f'(0)^2), with gamma = 0.6 (weight gamma / 2) and f'(0) = 1/2.
  damped = -0.3 + 1j * np.sqrt(0.25 - 0.09)
  for name in ('r1', 'r2'):
    regular = game(NON_SATURATING, penalties={name: {'weight': 0.3}})
    found[f'non-saturating, {name.upper()}'] = (regular, damped, 1)
  # -gamma f'(0)^2 +- i f'(0), with gamma = 1.
  found['non-saturating, consensus'] = (game(NON_SATURATING, weight=1.0), -0.25 + 0.5j, 1)
  # f''(0) s^2 +- sqrt(f''(0)^2 s^4 - f'(0)^2): both players' terms give f'' = -1/4 each, s = 0.7.
  noisy = game(NON_SATURATING, noise={'scale': 0.7, 'steps': 10})
  shrink = -0.25 * 0.49
  found['non-saturating, instance noise'] = (
    noisy,
    shrink + 1j * np.sqrt(0.25 - shrink**2),
    NOISE_BATCH,
  )
  return found


PATHS = {
  'minimax': ({}, {'name': 'minimax'}),
  'with R1': ({'penalties': {'r1': {'weight': 0.3}}}, NON_SATURATING),
  'with consensus': ({'weight': 1.0}, NON_SATURATING),
  'WGAN-GP': ({'penalties': {'gradient_penalty': {'weight': 0.3}}}, {'name': 'wasserstein'}),
}


def path(name: str) -> np.ndarray:
  """The trajectory of one of PATHS."""
  more, loss = PATHS[name]
  return trajectory(game(loss, **more))


def distance(path: np.ndarray) -> float:
  """Of the last 50 places of a trajectory from the equilibrium, on average."""
  return float(np.linalg.norm(path[-50:], axis=1).mean())
