"""Consensus optimization: Mescheder et al. 2017 (arXiv:1705.10461)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import chex
import jax
import optax
from flax import linen as nn

from gan_jax.common import numerics
from gan_jax.common.errors import ConfigError
from gan_jax.game import Aux, Game, Inputs, Player, Variables
from gan_jax.gans import two_player


def make(
  networks: Mapping[str, nn.Module],
  *,
  loss: Mapping[str, Any],
  prior: Mapping[str, Any],
  weight: float = 10.0,
) -> Game:
  """Returns a two-player game in which every player also minimizes the norm of all gradients.

  weight / 2 |v|^2 is added to every loss (section 4.1, algorithm 2). v joins the players' gradients,
  each the gradient of the player's loss with respect to the player's parameters.

  Args:
    networks: as in `two_player.make`.
    loss: as in `two_player.make`.
    prior: as in `two_player.make`.
    weight: gamma, at least 0.

  Raises:
    ConfigError: the weight is negative or not finite.
  """
  if not numerics.is_within(weight):
    raise ConfigError(f'weight={weight!r}: out of range (a finite number of at least 0); 10 is usual')
  game = two_player.make(networks, loss=loss, prior=prior)

  def half_squared_norm(variables: Variables, inputs: Inputs) -> jax.Array:
    """Returns 1/2 |v|^2, with gradients averaged over all devices."""

    def gradient(player: Player) -> chex.ArrayTree:
      def loss(owned):
        replaced = dataclasses.replace(variables, params={**variables.params, **owned})
        return player.loss(replaced, inputs)[0]

      return jax.grad(loss)({name: variables.params[name] for name in player.trains})

    gradients = inputs.mean([gradient(player) for player in game.players])
    return 0.5 * optax.tree.norm(gradients, squared=True)

  def with_consensus(player: Player) -> Player:
    def loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
      value, aux = player.loss(variables, inputs)
      penalty = half_squared_norm(variables, inputs)
      metrics = {**aux.metrics, 'half_squared_norm': penalty}
      return value + weight * penalty, dataclasses.replace(aux, metrics=metrics)

    return player._replace(loss=loss)

  return game._replace(players=tuple(with_consensus(player) for player in game.players))
