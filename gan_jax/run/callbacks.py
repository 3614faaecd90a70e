"""Functions of the user that training calls at intervals."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import MetricsLine
from gan_jax.game import Game, Variables
from gan_jax.run import loop
from gan_jax.run.run_log import RunLog
from gan_jax.runtime import devices
from gan_jax.storage import load_run, sample_sources
from gan_jax.storage.sample_labels import Label
from gan_jax.storage.sample_sources import RunData, Source
from gan_jax.training.state import TrainState, averaged


class Snapshot:
  """A run at one step of its training.

  Attributes:
    step: the number of steps done.
    game: the game that is trained.
  """

  def __init__(
    self,
    step: int,
    game: Game,
    state: TrainState,
    data: RunData,
    history: Sequence[MetricsLine] = (),
  ):
    """Wraps a state, which the next call of the program uses up, and the logged lines so far."""
    self.step = step
    self.game = game
    self._state = state
    self._data = data
    self._history = history

  @functools.cached_property
  def variables(self) -> Variables:
    """A copy on the host of the averaged weights if there are averages, else of the raw weights."""
    variables, ema = devices.to_host((self._state.variables, self._state.ema))
    return averaged(variables, ema)

  @property
  def metrics(self) -> Mapping[str, float]:
    """The metrics of the last logged step, {'<player>/<name>': value}; {} before the first one."""
    # Lines of evaluations have a card.
    line = next((line for line in reversed(self._history) if 'card' not in line), {})
    return {name: value for name, value in line.items() if '/' in name}

  def sample(self, num: int, seed: int = 0, label: Label = None, source: Source = None) -> np.ndarray:
    """Generates samples, uint8 images [num, height, width, channels] or float32 points [num, D].

    For a game conditioned on labels, `label` is as in `sample_labels.of_samples`. For a game with other
    conditions, `source` is as in `sample_sources.find`.
    """
    given = sample_sources.asked(self._data, self.game, num, label, source)
    return np.concatenate(list(load_run.draw(self.game, self.variables, num, seed, given)))


class Callback(NamedTuple):
  """A function that training calls at multiples of `every` steps, and after the last step.

  Attributes:
    every: steps between calls, a multiple of `steps_per_call`.
    function: called with a `Snapshot`. Its errors end the training, and pass to the caller.
  """

  every: int
  function: Callable[[Snapshot], object]


def check(callbacks: Iterable[tuple[int, Any]], steps_per_call: int) -> tuple[Callback, ...]:
  """Returns the callbacks of a user, pairs (every, function).

  Raises:
    ConfigError: something else, or an interval that is not a multiple of `steps_per_call`.
  """
  try:
    pairs = tuple(Callback(*pair) for pair in callbacks)
  except TypeError as error:
    raise ConfigError(
      f'callbacks={callbacks!r}: of the wrong kind (a list of pairs (every, function)); write '
      '[(100, function)]'
    ) from error
  for every, function in pairs:
    if not validation.is_whole(every, 1) or every % steps_per_call or not callable(function):
      raise ConfigError(
        f'callbacks={(every, function)!r}: not usable (a multiple of steps_per_call={steps_per_call} '
        'and a function of a snapshot); change it'
      )
  return pairs


def hook(callback: Callback, game: Game, data: RunData, log: RunLog) -> loop.Hook:
  """Returns the hook of a run that calls the function."""

  def call(step: int, state: TrainState) -> None:
    callback.function(Snapshot(step, game, state, data, log.history))

  return loop.Hook((callback.every,), call)
