"""A trained model to be exported: the networks that its samples need, and where they come from."""

import pathlib
from typing import Any, NamedTuple

import jax

from gan_jax.common import rng
from gan_jax.common.types import Plain
from gan_jax.config import schema
from gan_jax.game import Game, Variables
from gan_jax.storage import load_run, metrics_log, workdir


class Model(NamedTuple):
  """A trained model.

  Attributes:
    game: of the run.
    variables: of the networks that `game.sample` uses, and of no others.
    step: of the checkpoint.
    weights: 'averaged' or 'raw'.
    config: of the run; the location of local data is reduced to its last part.
    scores: lines of scores.jsonl about these weights, {'step', 'scores', 'card'}.
  """

  game: Game
  variables: Variables
  step: int
  weights: str
  config: Plain
  scores: list[dict[str, Any]]


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
  return Model(game, sampled(game, variables), loaded_step, weights, without_location(config), scores)


def sampled(game: Game, variables: Variables) -> Variables:
  """Returns the variables of the networks that `game.sample` uses."""
  traced = jax.make_jaxpr(game.sample)(variables, rng.sample_keys(0, 0, 2))
  used = {id(variable) for equation in traced.eqns for variable in equation.invars}
  paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(variables)]
  # The keys are the last input, and have no path.
  inputs = zip(paths, traced.jaxpr.invars, strict=False)
  names = sorted({path[1].key for path, variable in inputs if id(variable) in used})
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
