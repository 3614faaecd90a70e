"""Unrolled GAN: Metz et al. 2017 (arXiv:1611.02163)."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from gan_jax.common import validation
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans import two_player


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  loss: Mapping[str, Any] = {'name': 'minimax'},
  unroll: int = 5,
) -> Game:
  """Returns a game whose generator faces the discriminator after `unroll` more updates (equation 7).

  The unrolled updates use the discriminator's optimizer and its current state. Every one sees the
  current real examples and new fakes. The generator's gradient flows through them, and they are then
  discarded (equation 10). The discriminator's own updates are the usual ones (equation 11).

  Args:
    networks: as in `two_player.make`.
    prior: as in `two_player.make`.
    loss: as in `two_player.make`.
    unroll: K, the number of unrolled updates, a whole number of at least 1.

  Raises:
    ConfigError: `unroll` is below 1 or not a whole number.
  """
  validation.check_size('unroll', unroll)
  game = two_player.make(networks, loss=loss, prior=prior)
  discriminator, generator = game.players

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    assert inputs.unrolled_update is not None
    unrolled = inputs.unrolled_update(discriminator.name, variables, inputs, unroll)
    return generator.loss(unrolled, inputs)

  return game._replace(players=(discriminator, generator._replace(loss=generator_loss)))
