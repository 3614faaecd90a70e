"""PacGAN: Lin et al. 2018 (arXiv:1712.04086)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common.errors import ConfigError
from gan_jax.game import Game
from gan_jax.gans import two_player
from gan_jax.gans.parts.generator_discriminator import check_networks
from gan_jax.networks.wrappers import map_inner_module


class _Packed(nn.Module):
  """A discriminator that is shown packs of examples: [B, ..., C] as [B / degree, ..., degree C]."""

  discriminator: nn.Module
  degree: int

  def __call__(self, examples: jax.Array, *, train: bool, key=None) -> jax.Array:
    count = len(examples)
    if count % self.degree:
      raise ConfigError(f'the {count} examples of a device cannot be put into packs of {self.degree}')
    packs = examples.reshape(count // self.degree, self.degree, *examples.shape[1:])
    # The examples of a pack side by side in the last axis.
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
  """The discriminator judges packs of independent examples, all real or all fake (section 3).

  A generator that lacks a mode shows it much more plainly in packs. The game's score of an example is
  that of a pack of copies of it. The metric 'accuracy' is over packs, the distances are over examples.

  Args:
    networks: 'generator'; 'discriminator', which sees `degree` examples as one with so many times
      the channels (or coordinates) -> scores [B / degree].
    prior: as in `two_player.make`.
    loss: as in `two_player.make`.
    degree: m, examples in a pack; a device's part of the batch must be a multiple of it.

  Raises:
    ConfigError: the degree is not a whole number of at least 1, or does not divide a device's batch.
  """
  if not isinstance(degree, int) or degree < 1:
    raise ConfigError(f'degree is {degree}; it must be at least 1, and a whole number')
  check_networks(networks)
  discriminator = map_inner_module(networks['discriminator'], lambda module: _Packed(module, degree))
  packed = {**networks, 'discriminator': discriminator}
  game = two_player.make(packed, loss=loss, prior=prior)
  judge = game.score
  assert judge is not None
  score = lambda variables, examples: judge(variables, examples.repeat(degree, axis=0))
  return game._replace(score=score)
