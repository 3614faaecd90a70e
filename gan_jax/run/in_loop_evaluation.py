"""Evaluation during training."""

import importlib.metadata
from collections.abc import Callable

from gan_jax.common import console
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import MetricsLine, Plain
from gan_jax.config import build, schema
from gan_jax.data.source import Source
from gan_jax.evaluation import evaluator as evaluation
from gan_jax.game import Game
from gan_jax.metrics import mode_coverage
from gan_jax.runtime import jax_settings, processes
from gan_jax.training.state import TrainState, averaged

Evaluate = Callable[[TrainState, int], MetricsLine]


def in_loop_evaluator(config: Plain, game: Game, source: Source) -> Evaluate | None:
  """(state, step) -> its scores and their card, one line; None for a run that asks for no scores.

  All processes call it together.
  """
  if not config['evaluate_every']:
    return None

  def configured() -> evaluation.EvaluationProtocol:
    with at('evaluate'):
      return evaluation.configured(config['evaluate'])

  how = processes.together(configured)
  warn = console.warn if processes.is_primary() else lambda text: None
  real = build.make_unseen_source(config, source)
  with at('evaluate'):
    evaluate = evaluation.Evaluator(how, config['data']['name'], game, real, warn)
  best = config['evaluate']['best']

  def line(state: TrainState, step: int) -> MetricsLine:
    with at('evaluate'):
      found, card = evaluate(
        averaged(state.variables, state.ema), weights=schema.weights(config), step=step
      )
      if best and best not in found:
        raise ConfigError(f'best is {best!r}, but what is scored is: {", ".join(found)}')
    return {**found, 'card': card}

  return line


def modes_card(config: Plain, step: int) -> MetricsLine:
  """The protocol of the scores of a mixture that are made with each picture of it."""
  return {
    'data': config['data']['name'],
    **{f'data_{key}': value for key, value in config['data'].items() if key != 'name'},
    'generated': mode_coverage.SAMPLES,
    'seed': config['seed'],
    'weights': schema.weights(config),
    'version': importlib.metadata.version('gan_jax'),
    **jax_settings.on_card(),
    'step': step,
  }


def in_words(card: MetricsLine) -> str:
  """What a person should know of a protocol; all of it is in the metrics."""
  return (
    f'{card["generated"]:,} samples of seed {card["seed"]}, {card["weights"]} weights, against '
    f'{card["real"]:,} of {card["data"]} ({card["split"]}), by the features of {card["features"]} '
    f'({card["features_digest"][:12]})'
  )
