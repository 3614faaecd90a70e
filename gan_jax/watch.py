"""What is done beside training: scores, the best checkpoint, alerts."""

import importlib.metadata
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gan_jax import (
  build,
  cards,
  checkpoints,
  cli,
  evaluation,
  jax_settings,
  monitor,
  parallel,
  processes,
  scores,
  workdir,
)
from gan_jax.config import Plain
from gan_jax.data import Source
from gan_jax.errors import ConfigError, at
from gan_jax.game import Game
from gan_jax.metrics import modes
from gan_jax.train import TrainState, averaged

Line = dict[str, Any]
Evaluate = Callable[[TrainState, int], Line]


def evaluator(config: Plain, game: Game, source: Source) -> Evaluate | None:
  """(state, step) -> its scores and their card, one line; None for a run that asks for no scores.

  All processes call it together.
  """
  if not config['evaluate_every']:
    return None

  def configured() -> evaluation.Protocol:
    with at('evaluate'):
      return evaluation.configured(config['evaluate'])

  how = processes.together(configured)
  warn = cli.warn if processes.is_primary() else lambda text: None
  real = build.unseen_source(config, source)
  with at('evaluate'):
    evaluate = evaluation.Evaluator(how, config['data']['name'], game, real, warn)
  best = config['evaluate']['best']

  def line(state: TrainState, step: int) -> Line:
    with at('evaluate'):
      found, card = evaluate(averaged(state.variables, state.ema), weights=weights(config), step=step)
      if best and best not in found:
        raise ConfigError(f'best is {best!r}, but what is scored is: {", ".join(found)}')
    return {**found, 'card': card}

  return line


def modes_card(config: Plain, step: int) -> Line:
  """The protocol of the scores of a mixture that are made with each picture of it."""
  return {
    'data': config['data']['name'],
    **{f'data_{key}': value for key, value in config['data'].items() if key != 'name'},
    'generated': modes.SAMPLES,
    'seed': config['seed'],
    'weights': weights(config),
    'version': importlib.metadata.version('gan_jax'),
    **jax_settings.on_card(),
    'step': step,
  }


def weights(config: Plain) -> str:
  """Which weights of a run are shown and scored, in a word."""
  return 'averaged' if config['ema'] else 'raw'


def in_words(card: Line) -> str:
  """What a person should know of a protocol; all of it is in the metrics."""
  return (
    f'{card["generated"]:,} samples of seed {card["seed"]}, {card["weights"]} weights, against '
    f'{card["real"]:,} of {card["data"]} ({card["split"]}), by the features of {card["features"]} '
    f'({card["features_digest"][:12]})'
  )


class Best:
  """The checkpoint with the best value of one score, kept beside the newest."""

  def __init__(self, folder: pathlib.Path, config: Plain, step: int, spare: int):
    """Opens the folder of a run.

    Args:
      folder: of the run.
      config: of the run, which names the score.
      step: after which it goes on; of what is later nothing is kept.
      spare: how many scorings there can be between two checkpoints of the run, all of which may be the
        best so far, and from any of which a killed run may have to come back to the one before.
    """
    self._name = config['evaluate']['best']
    self._kept = checkpoints.Checkpoints(folder / workdir.BEST, config, keep=1 + spare)
    processes.on_primary(lambda: self._kept.discard(after=step))
    self._kept.reload()

  def consider(self, history: Iterable[Line], line: Line, state: TrainState) -> None:
    """Keeps the state if no line before has a better score by the same protocol; in all processes."""
    if processes.decided(processes.is_primary() and self._is_best(history, line)):
      self._kept.save(line['step'], parallel.local(state))
      self._kept.wait()

  def _is_best(self, history: Iterable[Line], line: Line) -> bool:
    protocol = _protocol(line)
    before = [old.get(self._name) for old in history if 'card' in old and _protocol(old) == protocol]
    value = line[self._name]
    return value is not None and all(
      old is None or scores.is_better(self._name, value, old) for old in before
    )

  def close(self) -> None:
    """Lets go of the folder."""
    self._kept.close()


def _protocol(line: Line) -> Line:
  # Derived fields depend on which scores are made, and cards of older versions lack them.
  left_out = ('step', *cards.NOT_COMPARED)
  return {k: v for k, v in evaluation.without_place(line['card']).items() if k not in left_out}


class Alarm:
  """Looks at the lines of metrics for signs of failure, and tells of each kind once."""

  def __init__(self, history: Iterable[Line], tell: Callable[[str], None]):
    """Begins where the lines of a resumed run left off, of which it does not tell again."""
    self._state, self._tell = monitor.start(), tell
    for line in history:
      self._state, _ = monitor.watch(self._state, line)

  def see(self, line: Mapping[str, Any]) -> list[Line]:
    """The failures that a line is the first to show, as they are logged."""
    self._state, alerts = monitor.watch(self._state, line)
    for alert in alerts:
      self._tell(f'step {line["step"]}: {alert.text}')
    return [alert._asdict() for alert in alerts]
