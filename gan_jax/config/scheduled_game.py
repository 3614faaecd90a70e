"""Games whose numbers change during training."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import optax

from gan_jax.common import schedules
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.game import Aux, Game, Inputs, Player, Variables

Spec = Mapping[str, Any]

_UNKNOWN = (
  jax.errors.ConcretizationTypeError,
  jax.errors.TracerArrayConversionError,
  jax.errors.TracerIntegerConversionError,
)
"""Errors of code that must know a number while its program is traced."""


class _Numbers(NamedTuple):
  """The numbers of a game as functions of the step.

  Attributes:
    make: returns the game of a spec without schedules.
    spec: of the game.
    schedules: {path in the spec: its number after a number of steps}.
  """

  make: Callable[[Spec], Game]
  spec: Spec
  schedules: Mapping[str, optax.Schedule]

  def game(self, step: jax.Array) -> Game:
    """Returns the game with its numbers at a step, which may be an input of a compiled program."""
    numbers = {path: schedule(step) for path, schedule in self.schedules.items()}
    return self.make(schedules.replaced(self.spec, numbers))


def make_game(make: Callable[[Spec], Game], spec: Spec) -> Game:
  """Returns the game of a spec in which any number may be a schedule of the step.

  A loss, and the update of the memory, make the game with the numbers at the step inside the compiled
  program. All else has the numbers at step 0: the first variables, the first memory, samples and the
  critic.

  Args:
    make: returns the game of a spec without schedules.
    spec: hyperparameters; a number at any depth may be a schedule, see `common.schedules`.

  Raises:
    ConfigError: a bad schedule, a number out of its range at some step, a number that decides the
      structure of the game, or a number of the prior.
  """
  given = schedules.find(spec)
  if not given:
    return make(spec)
  _check_prior(given)
  made = schedules.make_schedules(
    given,
    use=lambda numbers: make(schedules.replaced(spec, numbers)),
    range_of=lambda path: (-math.inf, math.inf),
  )
  return _scheduled(_Numbers(make, spec, made), make(schedules.at_start(spec)))


def _check_prior(given: Mapping[str, Spec]) -> None:
  for path, schedule in given.items():
    if path.split('.')[0] == 'prior':
      raise ConfigError(
        f'{path}={schedule!r}: changes during training (constant, because samples outside of training '
        'know no step, and would come from another prior than the last); write a number'
      )


def _scheduled(numbers: _Numbers, start: Game) -> Game:
  """Returns the game at step 0 with the losses and the memory of later steps."""

  def update_memory(
    memory: PyTree,
    variables: Variables,
    metrics: Mapping[str, jax.Array],
    record: Mapping[str, jax.Array],
  ) -> PyTree:
    return numbers.game(metrics['step']).update_memory(memory, variables, metrics, record)

  players = tuple(_player(numbers, start, index) for index in range(len(start.players)))
  return start._replace(players=players, update_memory=update_memory)


def _player(numbers: _Numbers, start: Game, index: int) -> Player:
  constant = start.players[index]

  def loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    try:
      return numbers.game(inputs.step).players[index].loss(variables, inputs)
    except _UNKNOWN as error:
      # A fault that does not come from the schedules happens with constants too.
      constant.loss(variables, inputs)
      paths = ', '.join(numbers.schedules)
      raise ConfigError(
        f'gan: {paths}: changes during training (the loss of {constant.name} must know the number when '
        'it is compiled); write a number'
      ) from error

  return constant._replace(loss=loss)
