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
  """Returns the Wasserstein game with a gradient penalty on the critic (equation 3).

  The penalty drives the norm of the critic's gradient, between real and fake examples, to `target`.

  Args:
    networks: as in `wgan.make`; the critic has no batch norm (section 4).
    prior: as in `two_player.make`.
    weight: lambda.
    target: the desired gradient norm; 1 in the paper.
    one_sided: whether only larger norms are penalized.
  """
  penalty = {'weight': weight, 'target': target, 'one_sided': one_sided}
  return two_player.make(
    networks, loss={'name': 'wasserstein'}, prior=prior, penalties={'gradient_penalty': penalty}
  )
