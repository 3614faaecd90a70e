"""WGAN: Arjovsky et al. 2017 (arXiv:1701.07875)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player


def make(networks: Mapping[str, nn.Module], *, prior: Mapping[str, Any]) -> Game:
  """Returns the game of a critic that estimates the Wasserstein-1 distance up to a factor.

  The generator minimizes that estimate. In algorithm 1 the critic has several updates per update of the
  generator, and weight clipping keeps it Lipschitz. Both are settings of the player:
  `updates_per_step`, and `clip_weights` among its `weight_constraints`.

  Args:
    networks: 'generator', latents [B, size] -> examples; 'discriminator', examples -> outputs [B].
    prior: as in `two_player.make`.
  """
  return two_player.make(networks, loss={'name': 'wasserstein'}, prior=prior)
