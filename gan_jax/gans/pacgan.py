"""PacGAN: Lin et al. 2018 (arXiv:1712.04086)."""

from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError
from gan_jax.game import Game
from gan_jax.gans import two_player
from gan_jax.gans.parts.generator_discriminator import check_networks
from gan_jax.networks.wrappers import map_inner_module


class _Packed(nn.Module):
  """A discriminator that sees examples [B, ..., C] as packs [B / degree, ..., degree C]."""

  discriminator: nn.Module
  degree: int

  def __call__(self, examples: jax.Array, *, train: bool, key: chex.PRNGKey | None = None) -> jax.Array:
    count = len(examples)
    if count % self.degree:
      raise ConfigError(
        f'degree={self.degree}: a device has {count} examples (a multiple of degree); change batch_size'
      )
    packs = examples.reshape(count // self.degree, self.degree, *examples.shape[1:])
    # The last axis concatenates the channels of the examples of a pack.
    packs = jnp.moveaxis(packs, 1, -2)
    packs = packs.reshape(*packs.shape[:-2], -1)
    keys = None if key is None else key[:: self.degree]
    return self.discriminator(packs, train=train, key=keys)


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  loss: Mapping[str, Any] = {'name': 'non_saturating'},
  degree: int = 2,
) -> Game:
  """Returns a game whose discriminator gets packs of independent examples (section 3).

  A pack is all real or all fake. A missing mode is much easier to detect in packs than in single
  examples. `Game.critic` of an example is the output for a pack of copies of it. The metric 'accuracy'
  is over packs, the distances are over examples.

  Args:
    networks: 'generator'; 'discriminator', packs [B / degree, ..., degree C] -> logits [B / degree].
    prior: as in `two_player.make`.
    loss: as in `two_player.make`.
    degree: m, the number of examples in a pack. It must divide the number of examples of a device.

  Raises:
    ConfigError: the degree is not a whole number of at least 1, or does not divide a device's batch.
  """
  validation.check_size('degree', degree)
  check_networks(networks)
  discriminator = map_inner_module(networks['discriminator'], lambda module: _Packed(module, degree))
  packed = {**networks, 'discriminator': discriminator}
  game = two_player.make(packed, loss=loss, prior=prior)
  pack_critic = game.critic
  assert pack_critic is not None
  critic = lambda variables, examples: pack_critic(variables, examples.repeat(degree, axis=0))
  return game._replace(critic=critic)
