"""What is done beside training: scores, the best checkpoint, alerts."""

import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gan_jax import build, checkpoints, cli, evaluation, monitor, parallel, scores, workdir
from gan_jax.config import Plain
from gan_jax.data import Source
from gan_jax.errors import ConfigError
from gan_jax.game import Game
from gan_jax.train import TrainState, averaged

Line = dict[str, Any]
Evaluate = Callable[[TrainState, int], Line]


def evaluator(config: Plain, game: Game, source: Source) -> Evaluate | None:
  """(state, step) -> its scores and their card, one line; None for a run that asks for no scores.

  All processes call it together.
  """
  if not config['evaluate_every']:
    return None
  with build.at('evaluate'):
    how = evaluation.configured(config['evaluate'])
    warn = cli.warn if parallel.is_primary() else lambda text: None
    evaluate = evaluation.Evaluator(how, config['data']['name'], game, source, warn)
  weights, best = 'averaged' if config['ema'] else 'raw', config['evaluate']['best']

  def line(state: TrainState, step: int) -> Line:
    with build.at('evaluate'):
      found, card = evaluate(averaged(state.variables, state.ema), weights=weights, step=step)
      if best and best not in found:
        raise ConfigError(f'best is {best!r}, but what is scored is: {", ".join(found)}')
    return {**found, 'card': card}

  return line


class Best:
  """The checkpoint with the best value of one score, kept beside the newest."""

  def __init__(self, folder: pathlib.Path, name: str, step: int):
    """Opens the folder of a run that goes on after `step`."""
    self._name = name
    # Two: the best may be of a step that a run has not come back to since it was killed.
    self._kept = checkpoints.Checkpoints(folder / workdir.BEST, keep=2)
    parallel.on_primary(lambda: self._kept.discard(after=step))
    self._kept.reload()

  def consider(self, history: Iterable[Line], line: Line, state: TrainState) -> None:
    """Keeps the state if no line before has a better score by the same protocol; in all processes."""
    if parallel.decided(parallel.is_primary() and self._is_best(history, line)):
      self._kept.save(line['step'], parallel.local(state))
      self._kept.wait()

  def _is_best(self, history: Iterable[Line], line: Line) -> bool:
    protocol = _protocol(line)
    before = [old[self._name] for old in history if 'card' in old and _protocol(old) == protocol]
    value = line[self._name]
    return value is not None and all(
      old is None or scores.is_better(self._name, value, old) for old in before
    )

  def close(self) -> None:
    """Lets go of the folder."""
    self._kept.close()


def _protocol(line: Line) -> Line:
  return {key: value for key, value in line['card'].items() if key != 'step'}


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
