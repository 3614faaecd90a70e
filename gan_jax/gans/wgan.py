"""WGAN: Arjovsky et al. 2017 (arXiv:1701.07875)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player


def make(networks: Mapping[str, nn.Module], *, prior: Mapping[str, Any]) -> Game:
  """The critic estimates the Wasserstein-1 distance up to a factor, the generator lessens it.

  Algorithm 1: the critic is kept Lipschitz by clipping its weights, which is the transformation
  `clip_weights` after its optimizer, and has several updates for one of the generator's; both are
  settings of the player.

  Args:
    networks: 'generator', latents [B, size] -> examples; 'discriminator', examples -> scores [B].
    prior: as in `two_player.make`.
  """
  return two_player.make(networks, loss={'name': 'wasserstein'}, prior=prior)
