"""How a game is played: optimizers, updates per step, and order of play."""

from collections.abc import Mapping
from typing import NamedTuple

import optax

from gan_jax.common.errors import ConfigError
from gan_jax.game import Game


class UpdateSchedule(NamedTuple):
  """How a game is played.

  Attributes:
    optimizers: {player: its optimizer}.
    updates: {player: its updates in a step}.
    ema: {network: decay of its averages}.
    order: 'alternating': each player sees what those before it did in the same step;
      'simultaneous': every player starts from where the step began; 'extragradient': all look ahead
      by a simultaneous update, and play from where the step began with the gradients found there
      (Korpelevich 1976; with Adam, ExtraAdam of Gidel et al. 2019, arXiv:1802.10551, algorithm 4).
      Transformations of gradients see the weights at which they were taken, the others those that
      are changed.
  """

  optimizers: Mapping[str, optax.GradientTransformation]
  updates: Mapping[str, int]
  ema: Mapping[str, float]
  order: str

  @property
  def phases(self) -> int:
    """How many times each player's turn comes in a step."""
    return 2 if self.order == 'extragradient' else 1

  @property
  def draws(self) -> int:
    """How many batches of real examples a step takes."""
    return self.phases * max(self.updates.values())


def check_owners(game: Game) -> None:
  """Raises ConfigError if two players train one network, which they cannot do at once."""
  owned = [name for player in game.players for name in player.trains]
  for name in owned:
    if owned.count(name) > 1:
      raise ConfigError(f'update: two players train {name!r}, so they must be alternating')
