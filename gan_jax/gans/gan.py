"""The first GAN: Goodfellow et al. 2014 (arXiv:1406.2661)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player


def make(
  networks: Mapping[str, nn.Module],
  *,
  loss: Mapping[str, Any] = {'name': 'minimax'},
  prior: Mapping[str, Any] = {'name': 'uniform', 'size': 100},
) -> Game:
  """Returns the minimax game of equation 1.

  Section 3 of the paper recommends the other loss, {'name': 'non_saturating'}.

  Args:
    networks: 'generator', latents [B, size] -> examples; 'discriminator', examples -> logits [B].
    loss: as in `two_player.make`.
    prior: as in `two_player.make`.
  """
  return two_player.make(networks, loss=loss, prior=prior)
