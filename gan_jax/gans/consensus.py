"""Consensus optimisation: Mescheder et al. 2017 (arXiv:1705.10461)."""

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
  """A two-player game in which every player also lessens the length of all players' gradients.

  With v the players' gradients, each of its own loss in its own parameters, weight / 2 |v|^2 is
  added to every loss (section 4.1, algorithm 2).

  Args:
    networks: as in `two_player.make`.
    loss: as in `two_player.make`.
    prior: as in `two_player.make`.
    weight: gamma, at least 0.

  Raises:
    ConfigError: the weight is negative.
  """
  if not numerics.is_within(weight):
    raise ConfigError(f'weight is {weight}; it must be at least 0')
  game = two_player.make(networks, loss=loss, prior=prior)

  def length(variables: Variables, inputs: Inputs) -> jax.Array:
    """Half of |v|^2, with gradients averaged over all devices."""

    def gradient(player: Player) -> chex.ArrayTree:
      def loss(owned):
        tried = dataclasses.replace(variables, params={**variables.params, **owned})
        return player.loss(tried, inputs)[0]

      return jax.grad(loss)({name: variables.params[name] for name in player.trains})

    gradients = inputs.mean([gradient(player) for player in game.players])
    return 0.5 * optax.tree.norm(gradients, squared=True)

  def agreeing(player: Player) -> Player:
    def loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
      value, aux = player.loss(variables, inputs)
      extra = length(variables, inputs)
      metrics = {**aux.metrics, 'half_squared_norm': extra}
      return value + weight * extra, dataclasses.replace(aux, metrics=metrics)

    return player._replace(loss=loss)

  return game._replace(players=tuple(agreeing(player) for player in game.players))
