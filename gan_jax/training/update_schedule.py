"""The schedule of a game's updates: optimizers, updates per step, and the update rule."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import optax

from gan_jax.common.errors import ConfigError
from gan_jax.game import Game


class UpdateSchedule(NamedTuple):
  """The optimizers of a game and the order of its updates.

  Attributes:
    optimizers: {player: its optimizer}.
    updates: {player: number of its updates in a step}.
    ema: {network: decay of its averages, or its decay after a number of steps}.
    update_rule: 'alternating', 'simultaneous' or 'extragradient'.

      'alternating': each player sees the updates of the players before it in the same step.

      'simultaneous': all players start from the variables at the beginning of the step.

      'extragradient': all players extrapolate by a simultaneous update. Then they update the variables
      at the beginning of the step with the gradients at the extrapolated ones (Korpelevich 1976; with
      Adam, ExtraAdam of Gidel et al. 2019, arXiv:1802.10551, algorithm 4). Gradient transformations
      get the weights at which the gradients were computed; other transformations get the weights that
      they update.
    frozen: {player: patterns of the parameters that it does not train}, see `frozen.matches`.
    scheduled: {player: {name: a number of its optimizer after a number of its updates}}, where a config
      has a schedule; these are logged.
    microbatches: parts of a device's batch, of which the gradients are computed one after the other.
  """

  optimizers: Mapping[str, optax.GradientTransformation]
  updates: Mapping[str, int]
  ema: Mapping[str, float | optax.Schedule]
  update_rule: str
  frozen: Mapping[str, Sequence[str]] = {}
  scheduled: Mapping[str, Mapping[str, optax.Schedule]] = {}
  microbatches: int = 1

  @property
  def phases(self) -> int:
    """Number of times that every player has its turn in a step."""
    return 2 if self.update_rule == 'extragradient' else 1

  @property
  def draws(self) -> int:
    """Number of batches of real examples in a step."""
    return self.phases * max(self.updates.values())


def check_owners(game: Game) -> None:
  """Raises ConfigError if two players train the same network, which needs alternating updates."""
  owned = [name for player in game.players for name in player.trains]
  for name in owned:
    if owned.count(name) > 1:
      raise ConfigError(
        f'update_rule: two players train the network {name!r} (one player per network, unless updates '
        'alternate); set update_rule=alternating'
      )
