"""Optimizers and learning rate schedules of the players in presets."""

from typing import Any

from ml_collections import ConfigDict


def adam(learning_rate: float, b1: float = 0.5) -> dict[str, Any]:
  """Returns the config of a player that Adam updates once per step."""
  return {'optimizer': 'adam', 'learning_rate': learning_rate, 'b1': b1, 'updates_per_step': 1}


def fade_out(config: ConfigDict, player: str, updates: int = 1) -> None:
  """Decays the updates of a player linearly to 0 in the second half of the run.

  Args:
    config: the config, whose number of steps may change later.
    player: the name of the player.
    updates: the updates of the player per step.
  """
  end = config.get_ref('steps') * updates
  transforms = config.players[player].get('update_transforms', {})
  decay = {'begin': end // 2, 'end': end}
  config.players[player].update_transforms = {**transforms, 'linear_decay': decay}
