"""WGAN-GP: Gulrajani et al. 2017 (arXiv:1704.00028)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  weight: float = 10.0,
  target: float = 1.0,
  one_sided: bool = False,
) -> Game:
  """Wasserstein, with the critic's gradient norm drawn to 1 between real and fake (equation 3).

  Args:
    networks: as in `wgan.make`; the critic without batch norm (section 4).
    prior: as in `two_player.make`.
    weight: lambda.
    target: the norm that is drawn to.
    one_sided: whether smaller norms are free.
  """
  penalty = {'weight': weight, 'target': target, 'one_sided': one_sided}
  return two_player.make(
    networks, loss={'name': 'wasserstein'}, prior=prior, penalties={'gradient_penalty': penalty}
  )
