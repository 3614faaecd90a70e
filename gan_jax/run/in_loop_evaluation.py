"""Evaluation during training."""

import importlib.metadata
from collections.abc import Callable

from gan_jax.common import console
from gan_jax.common.errors import ConfigError, DivergedError, at
from gan_jax.common.types import MetricsLine
from gan_jax.config import build
from gan_jax.config.run_config import DataConfig, EvaluationConfig
from gan_jax.data.source import Source
from gan_jax.evaluation import evaluator as evaluation
from gan_jax.game import Game
from gan_jax.metrics import mode_coverage
from gan_jax.run.best_checkpoint import BestCheckpoint
from gan_jax.run.run_log import Divergence, RunLog
from gan_jax.runtime import jax_settings, processes
from gan_jax.training.state import TrainState, averaged

Evaluate = Callable[[TrainState, int], MetricsLine]
"""(state, step) -> its metrics and their card."""


def in_loop_evaluator(
  config: EvaluationConfig, data: DataConfig, weights: str, game: Game, source: Source
) -> Evaluate | None:
  """Returns the function that evaluates a state, or None for a run that is not evaluated.

  All processes call it, and its result, together.

  Args:
    config: when and how the run is evaluated.
    data: the training data.
    weights: the weights that are evaluated, in a word, for the card.
    game: the game.
    source: the training data.
  """
  if not config.every:
    return None

  def configured() -> evaluation.EvaluationProtocol:
    with at('evaluate'):
      return evaluation.configured(config.settings)

  protocol = processes.together(configured)
  warn = console.warn if processes.is_primary() else lambda text: None
  real = build.make_unseen_source(data, source)
  with at('evaluate'):
    conditions = build.make_conditions(data, game, protocol.seed)
    evaluator = evaluation.create(protocol, data.name, game, real, warn, conditions)
  best = config.settings['best']

  def evaluate(state: TrainState, step: int) -> MetricsLine:
    with at('evaluate'):
      metrics, card = evaluator(averaged(state.variables, state.ema), weights=weights, step=step)
      if best and best not in metrics:
        raise ConfigError(f'best={best!r}: not evaluated (evaluated: {", ".join(metrics)}); choose one')
    return {**metrics, 'card': card}

  return evaluate


def modes_card(data: DataConfig, weights: str, step: int) -> MetricsLine:
  """Returns the protocol by which each picture of a mixture is evaluated."""
  return {
    'data': data.name,
    **{f'data_{key}': value for key, value in data.settings.items()},
    'generated': mode_coverage.SAMPLES,
    'seed': data.seed,
    'weights': weights,
    'version': importlib.metadata.version('gan_jax'),
    **jax_settings.on_card(),
    'step': step,
  }


class EvaluationHook:
  """Evaluates the state of a run at intervals, logs the metrics, and keeps the best state."""

  def __init__(
    self, evaluate: Evaluate, log: RunLog, best: BestCheckpoint | None, divergence: Divergence
  ):
    """Prepares to evaluate; all processes call its methods together."""
    self._evaluate = evaluate
    self._log = log
    self._best = best
    self._divergence = divergence

  def start(self, step: int, state: TrainState) -> None:
    """Prints the protocol, and evaluates the first state, so that errors appear before training."""
    line = self._line(step, state)
    self._log.say(f'scores: {_summary(line["card"])}')
    if step == 0:
      self._record(line, state)

  def __call__(self, step: int, state: TrainState) -> None:
    """Evaluates a state and logs its metrics."""
    self._record(self._line(step, state), state)

  def _line(self, step: int, state: TrainState) -> MetricsLine:
    try:
      return {'step': step, 'time': self._log.seconds(), **self._evaluate(state, step)}
    except DivergedError as error:
      self._divergence.end(step, str(error))

  def _record(self, line: MetricsLine, state: TrainState) -> None:
    if self._best:
      self._best.maybe_save(self._log.history, line, state)
    self._log.evaluation(line)


def _summary(card: MetricsLine) -> str:
  """The main facts of a protocol; the log has all of them."""
  return (
    f'{card["generated"]:,} samples of seed {card["seed"]}, {card["weights"]} weights, against '
    f'{card["real"]:,} of {card["data"]} ({card["split"]}), by the features of {card["features"]} '
    f'({card["features_digest"][:12]})'
  )
