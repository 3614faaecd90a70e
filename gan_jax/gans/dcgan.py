"""DCGAN: Radford et al. 2016 (arXiv:1511.06434)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player


def make(
  networks: Mapping[str, nn.Module],
  *,
  real_label: float = 1.0,
  prior: Mapping[str, Any] = {'name': 'uniform', 'size': 100},
) -> Game:
  """Returns the non-saturating game, with latents uniform on [-1, 1) (section 4 of the paper).

  The paper's contribution is its networks, `gan_jax.networks.dcgan`. As in the authors' code, real
  and fake images are separate batches for batch norm.

  Args:
    networks: 'generator', latents [B, size] -> images; 'discriminator', images -> logits [B].
    real_label: one-sided label smoothing, see `losses.non_saturating`.
    prior: as in `two_player.make`.
  """
  loss = {'name': 'non_saturating', 'real_label': real_label}
  return two_player.make(networks, loss=loss, prior=prior)
