"""Unrolled GAN: Metz et al. 2017 (arXiv:1611.02163)."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from gan_jax.common.errors import ConfigError
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans import two_player


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  loss: Mapping[str, Any] = {'name': 'minimax'},
  unroll: int = 5,
) -> Game:
  """The generator plays against the discriminator as it will be after `unroll` updates (equation 7).

  Those updates are by the discriminator's own optimizer, from its present state, on the present real
  examples and on fakes of new latents each time; the generator's gradient goes through them, and they
  are then forgotten (equation 10). The discriminator itself plays on as ever (equation 11).

  Args:
    networks: as in `two_player.make`.
    prior: as in `two_player.make`.
    loss: as in `two_player.make`.
    unroll: K, a whole number of at least 1.

  Raises:
    ConfigError: unroll is below 1 or not a whole number.
  """
  if not isinstance(unroll, int) or unroll < 1:
    raise ConfigError(f'unroll is {unroll}; it must be at least 1, and a whole number')
  game = two_player.make(networks, loss=loss, prior=prior)
  discriminator, generator = game.players

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    assert inputs.unrolled_update is not None
    answered = inputs.unrolled_update(discriminator.name, variables, inputs, unroll)
    return generator.loss(answered, inputs)

  return game._replace(players=(discriminator, generator._replace(loss=generator_loss)))
