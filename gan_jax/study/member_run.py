"""One run of a study: its folder, its log, its metrics and pictures."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import modalities
from gan_jax.common import console, rng
from gan_jax.common.errors import ConfigError, DivergedError
from gan_jax.common.types import MetricsLine, Plain, PyTree
from gan_jax.config import build
from gan_jax.config.run_config import DataConfig, RunConfig
from gan_jax.data import source as sources
from gan_jax.game import Game, balanced_labels, conditions_in_turn, needs_condition, sample
from gan_jax.metrics import mode_coverage
from gan_jax.run import in_loop_evaluation
from gan_jax.run.alerts import AlertLog
from gan_jax.run.finite import not_finite
from gan_jax.run.setup import Built
from gan_jax.storage import metrics_log
from gan_jax.study import sweep
from gan_jax.training.state import TrainState, averaged
from gan_jax.visualization import snapshots

RESULT, TILE = 'result.json', 'tile.png'

Evaluated = tuple[dict[str, Any], dict[str, Any]]
"""Metrics by name, and their card; both empty where nothing was evaluated."""


class Run(NamedTuple):
  """One seed of one setting, and its folder."""

  setting: sweep.Setting
  seed: int
  folder: pathlib.Path

  @property
  def config(self) -> Plain:
    """The config with which the run could be trained alone."""
    return sweep.with_seed(self.setting, self.seed)

  @property
  def name(self) -> str:
    """The name in messages, 'gan_ring seed 3'."""
    return f'{self.setting.label} seed {self.seed}'

  def result(self) -> dict[str, Any] | None:
    """Returns the result of a finished run, and None before its end.

    It has the steps, the metrics and their card, the step at which the run diverged, alerts, seconds,
    and the hardware and versions that finished it.

    Raises:
      ConfigError: the run was trained for another number of steps, which a study does not extend.
    """
    path = self.folder / RESULT
    if not path.exists():
      return None
    result = json.loads(path.read_text())
    if result['steps'] != self.config['steps']:
      raise ConfigError(
        f'steps={self.config["steps"]}: {self.folder} holds a finished run of {result["steps"]} steps; '
        'choose another --out'
      )
    return result


class MemberLog:
  """The metrics of a run in its file, and its alerts.

  Attributes:
    alerts: all alerts of the run.
    seconds: of training, its part of the time of all runs.
  """

  def __init__(self, name: str, file: metrics_log.Metrics, is_logged: Callable[[int], bool]):
    """Continues a log.

    Args:
      name: of the run, for warnings.
      file: metrics.jsonl.
      is_logged: whether the metrics of a step are logged.
    """
    self._name = name
    self._file = file
    self._is_logged = is_logged
    self._trained = file.time
    self._watch = AlertLog(file.history, lambda text: console.warn(f'{name}: {text}'))
    self.alerts: list[MetricsLine] = [a for line in file.history for a in line.get('alerts', ())]
    self.seconds = file.time

  @property
  def diverged(self) -> int | None:
    """The step at which the run diverged; None for a run that did not."""
    steps = (a['step'] for a in self.alerts if a['name'] == 'divergence' and 'step' in a)
    return next(steps, None)

  def training(self, step: int, seconds: float, values: Mapping[str, np.ndarray]) -> None:
    """Notes a divergence in a call, or writes the metrics of its last step.

    A run that has diverged is not logged any further.

    Args:
      step: steps done at the end of the call.
      seconds: of training since the log was opened.
      values: {metric: its value after each step of the call, [steps]}.
    """
    self.seconds = round(self._trained + seconds, 3)
    if self.diverged is not None:
      return
    first = min(not_finite(step, values), default=None)
    if first:
      text = f'{first.name} is not finite at step {first.step}'
      console.warn(f'{self._name}: {text}; the others go on')
      alert = {'name': 'divergence', 'text': text, 'step': first.step}
      self.alerts.append(alert)
      self._write({'step': step, 'alerts': [alert]})
    elif self._is_logged(step):
      line = {'step': step, **{name: float(v[-1]) for name, v in values.items()}}
      alerts = self._watch.update(line)
      self.alerts += alerts
      self._write(line | ({'alerts': alerts} if alerts else {}))

  def evaluation(self, step: int, metrics: Mapping[str, Any], card: Mapping[str, Any]) -> None:
    """Writes metrics and their card, if there are any and the log has none of this step."""
    is_logged = any(line['step'] == step and 'card' in line for line in self._file.history)
    if metrics and not is_logged:
      self._write({'step': step, **metrics, 'card': card})

  def picture(self, step: int, image: np.ndarray) -> None:
    """Writes the picture of a step for TensorBoard."""
    self._file.picture(step, image)

  def _write(self, line: Mapping[str, Any]) -> None:
    self._file.write({'step': line['step'], 'time': self.seconds, **line})

  def close(self) -> None:
    """Closes the file."""
    self._file.close()


def open_log(run: Run, step: int) -> MemberLog:
  """Opens the log of a run that resumes from `step`."""
  config = run.config
  every, last = config['log_every'], config['steps']
  file = metrics_log.Metrics.open(run.folder, step if step else -1)
  return MemberLog(run.name, file, lambda step: step % every == 0 or step == last)


@dataclasses.dataclass(frozen=True)
class MemberEvaluator:
  """Evaluates and draws the runs of one setting; what is compiled for it serves all its seeds.

  Attributes:
    game: the game of the setting.
    sample: its compiled sample function.
    modes: of a mixture; None for other data.
    evaluate: evaluates a state; None for a mixture that is not evaluated otherwise.
    sample_every, evaluate_every: steps between evaluations of modes, and of the others.
    data: the training data.
    weights: the weights that are evaluated, in a word.
  """

  game: Game
  sample: Callable[..., jax.Array]
  modes: mode_coverage.Modes | None
  evaluate: in_loop_evaluation.Evaluate | None
  sample_every: int
  evaluate_every: int
  data: DataConfig
  weights: str

  def during(self, seed: int, source: sources.Source, state: TrainState, step: int) -> Evaluated:
    """Returns the metrics that are due at a step before the last."""
    metrics, card = {}, {}
    if step % self.sample_every == 0:
      metrics, card = self._mode_metrics(seed, source, state, step)
    if self.evaluate and step % self.evaluate_every == 0:
      more, card = _evaluated(self.evaluate, state, step)
      metrics |= more
    return metrics, card

  def at_end(self, seed: int, source: sources.Source, state: TrainState, step: int) -> Evaluated:
    """Returns all metrics of the last step."""
    metrics, card = self._mode_metrics(seed, source, state, step)
    if self.evaluate:
      more, other = _evaluated(self.evaluate, state, step)
      metrics, card = {**metrics, **more}, {**card, **other}
    return metrics, card

  def picture(
    self, seed: int, state: TrainState, source: sources.Source
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns the picture of a run, and a small one for a sheet of many runs."""
    batch = self._batch(source)
    make, _ = snapshots.drawer(self.game, source, batch, seed, bool(state.ema))(state)
    picture = make()

    def draw(num: int) -> np.ndarray:
      return np.asarray(self._samples(seed, state, num, conditions_in_turn(self.game, batch, num)))

    return picture, modalities.of_shape(batch['real'].shape).drawing.tile(picture, draw)

  def _batch(self, source: sources.Source) -> dict[str, jax.Array]:
    return build.make_batch(source, self.data.batch_size)

  def _samples(self, seed: int, state: TrainState, num: int, condition: PyTree | None) -> jax.Array:
    variables = averaged(state.variables, state.ema)
    return self.sample(variables, rng.sample_keys(seed, 0, num), condition)

  def _mode_metrics(self, seed: int, source: sources.Source, state: TrainState, step: int) -> Evaluated:
    if self.modes is None:
      return {}, {}
    game, num = self.game, mode_coverage.SAMPLES
    given = labels = balanced_labels(game, num)
    if needs_condition(game):
      given = conditions_in_turn(game, self._batch(source), num)
    samples = np.asarray(self._samples(seed, state, num, given))
    metrics = self.modes.scores(samples, labels)
    data = dataclasses.replace(self.data, seed=seed)
    card = in_loop_evaluation.modes_card(data, self.weights, step)
    return {f'modes/{k}': float(v) for k, v in metrics.items()}, card


def make_evaluator(config: RunConfig, built: Built) -> MemberEvaluator:
  """Returns the evaluator of a setting, from the config of one of its runs."""
  evaluation, weights = config.evaluation, config.updates.weights
  modes = built.source.modes if isinstance(built.source.modes, mode_coverage.Modes) else None
  if modes is None and not evaluation.every:
    # Something must be evaluated at the end.
    evaluation = dataclasses.replace(evaluation, every=config.training.steps)
  return MemberEvaluator(
    game=built.game,
    sample=jax.jit(functools.partial(sample, built.game)),
    modes=modes,
    evaluate=in_loop_evaluation.in_loop_evaluator(
      evaluation, config.data, weights, built.game, built.source
    ),
    sample_every=config.logging.sample_every,
    evaluate_every=evaluation.every,
    data=config.data,
    weights=weights,
  )


def _evaluated(evaluate: in_loop_evaluation.Evaluate, state: TrainState, step: int) -> Evaluated:
  try:
    line = evaluate(state, step)
  except DivergedError:
    # Samples that are not finite have no metrics; the run is known to have diverged.
    return {}, {}
  return {k: v for k, v in line.items() if k != 'card'}, line['card']
