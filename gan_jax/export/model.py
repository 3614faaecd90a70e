"""A trained model to be exported: the networks that its samples need, and where they come from."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from gan_jax.common import jaxprs, rng
from gan_jax.common.types import Plain, PyTree
from gan_jax.config import schema
from gan_jax.config.build import Conditions
from gan_jax.game import Game, Variables, condition_like, needs_condition, sample
from gan_jax.storage import batch_file, load_run, metrics_log, workdir
from gan_jax.storage.batch_file import Batch


def _nothing() -> None:
  return None


class Model(NamedTuple):
  """A trained model.

  Attributes:
    game: of the run.
    variables: of the networks that `game.sample` uses, and of no others.
    step: of the checkpoint.
    weights: 'averaged' or 'raw'.
    config: of the run; the location of local data is reduced to its last part.
    scores: lines of scores.jsonl about these weights, {'step', 'scores', 'card'}.
    batch: the fields of a batch, see `batch_file`; {} if samples need no conditions.
    read_conditions: reads the conditions of samples from the run's data; None if they need none.
  """

  game: Game
  variables: Variables
  step: int
  weights: str
  config: Plain
  scores: list[dict[str, Any]]
  batch: Batch = {}
  read_conditions: Callable[[], Conditions | None] = _nothing

  @property
  def condition(self) -> PyTree | None:
    """The shape [1, ...] and type of one condition; None if samples need none."""
    return condition_like(self.game, self.batch)


def of_run(folder: pathlib.Path, step: int | str | None = None, ema: bool | None = None) -> Model:
  """Loads the model of a run, see `load_run.load` for the arguments and errors."""
  game, variables, loaded_step = load_run.load(folder, step, ema)
  config = workdir.read_config(folder)
  weights = 'averaged' if config['ema'] and ema is not False else 'raw'
  scores = [
    line
    for line in metrics_log.read_scores(folder)
    if line['step'] == loaded_step and line['card'].get('weights') == weights
  ]
  batch = batch_file.read(folder) if needs_condition(game) else {}
  return Model(
    game,
    sampled(game, variables, condition_like(game, batch)),
    loaded_step,
    weights,
    without_location(config),
    scores,
    batch,
    functools.partial(load_run.conditions_of_data, config, game, seed=0),
  )


def sampled(game: Game, variables: Variables, condition: PyTree | None = None) -> Variables:
  """Returns the variables of the networks that `game.sample` uses.

  Args:
    game: the game.
    variables: of its networks.
    condition: the shape [1, ...] and type of one condition; None if samples need none.
  """
  one = functools.partial(sample, game)
  paths = jaxprs.used_inputs(one, variables, rng.sample_keys(0, 0, 1), condition)
  # The variables are the first input: a path is its position, params or state, the network, ...
  names = sorted({path[2].key for path in paths if path[0].idx == 0})
  return Variables(*({name: part[name] for name in names} for part in _parts(variables)))


def _parts(variables: Variables) -> tuple[Any, Any]:
  return variables.params, variables.state


def without_location(config: Plain) -> Plain:
  """Returns a config for other people: the location of local data is reduced to its last part."""
  name = schema.data_name(config)
  kind = schema.place_kind(name)
  if not kind:
    return config
  return schema.with_data_at(config, f'{kind}:{pathlib.PurePath(name.partition(":")[2]).name}')
