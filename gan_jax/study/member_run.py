"""One run of a study: its folder, its metrics, its scores and pictures."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from gan_jax.common import console, pixels, rng
from gan_jax.common.errors import ConfigError, DivergedError
from gan_jax.common.types import Plain
from gan_jax.data import source as sources
from gan_jax.metrics import mode_coverage
from gan_jax.run import alerts, in_loop_evaluation, loop
from gan_jax.storage import metrics_log
from gan_jax.study import sweep
from gan_jax.training.state import TrainState, averaged
from gan_jax.visualization import plots, snapshots

RESULT, TILE = 'result.json', 'tile.png'
_TILE_IMAGES = 16


class Run(NamedTuple):
  """One seed of one setting, and its folder."""

  setting: sweep.Setting
  seed: int
  folder: pathlib.Path

  @property
  def config(self) -> Plain:
    """As if it were alone."""
    return sweep.with_seed(self.setting, self.seed)

  @property
  def name(self) -> str:
    """For a person."""
    return f'{self.setting.label} seed {self.seed}'

  def result(self) -> dict[str, Any] | None:
    """What came out, once it has: steps, scores, the step at which it diverged, alerts,
    seconds, and what it was finished with.

    Raises:
      ConfigError: it is of another number of steps, which a study does not add to.
    """
    path = self.folder / RESULT
    if not path.exists():
      return None
    found = json.loads(path.read_text())
    if found['steps'] != self.config['steps']:
      raise ConfigError(
        f'{self.folder} holds a run of {found["steps"]} steps, but steps is {self.config["steps"]}; '
        'choose another --out'
      )
    return found


class Log:
  """The metrics of a run, and when it diverged."""

  def __init__(self, run: Run, step: int):
    self._run, self._every, self._last = run, run.config['log_every'], run.config['steps']
    self._metrics = metrics_log.Metrics(run.folder, step if step else -1)
    before = [alert for line in self._metrics.history for alert in line.get('alerts', ())]
    self._alerts = alerts.AlertLog(
      self._metrics.history, lambda text: console.warn(f'{run.name}: {text}')
    )
    self.alerts, self.time = before, self._metrics.time
    self._before = self.time
    self.diverged = next((a['step'] for a in before if a['name'] == 'divergence' and 'step' in a), None)

  def see(self, step: int, spent: float, values: Mapping[str, np.ndarray]) -> None:
    """Values [steps] of the steps of a call that ended at `step`, of which the last is logged."""
    self.time = round(self._before + spent, 3)
    if self.diverged is not None:
      return
    bad = [
      (int(offset), name) for name, v in values.items() for offset in np.flatnonzero(~np.isfinite(v))
    ]
    if bad:
      offset, name = min(bad)
      self.diverged = step - len(values[name]) + 1 + offset
      text = f'{name} is not finite at step {self.diverged}'
      alert = {'name': 'divergence', 'text': text, 'step': self.diverged}
      console.warn(f'{self._run.name}: {text}; the others go on')
      self.alerts.append(alert)
      self.write({'step': step, 'alerts': [alert]})
    elif step % self._every == 0 or step == self._last:
      line = {'step': step, **{name: float(v[-1]) for name, v in values.items()}}
      alerts = self._alerts.update(line)
      self.alerts += alerts
      self.write(line | ({'alerts': alerts} if alerts else {}))

  def score(self, step: int, scores: Mapping[str, float], card: Mapping[str, Any]) -> None:
    """Appends a line of scores, if there are any and none is there of this step."""
    there = any(line['step'] == step and 'card' in line for line in self._metrics.history)
    if scores and not there:
      self.write({'step': step, **scores, 'card': card})

  def write(self, line: Mapping[str, Any]) -> None:
    """Appends a line."""
    self._metrics.write({'step': line['step'], 'time': self.time, **line})

  def close(self) -> None:
    """Closes the file."""
    self._metrics.close()


class Scorer:
  """Scores and draws the runs of one setting; what is compiled for it serves all its seeds."""

  def __init__(self, run: Run, built: loop.Built):
    self._config, self._built = run.config, built
    self._sample = jax.jit(built.game.sample)
    self._modes_of = built.source.modes if isinstance(built.source.modes, mode_coverage.Modes) else None
    config = self._config
    if self._modes_of is None and not config['evaluate_every']:
      # Something must be scored at the end.
      config = {**config, 'evaluate_every': config['steps']}
    self._every = config['evaluate_every']
    self._evaluate = in_loop_evaluation.in_loop_evaluator(config, built.game, built.source)

  def _samples(self, run: Run, state: TrainState, num: int):
    return self._sample(averaged(state.variables, state.ema), rng.sample_keys(run.seed, 0, num))

  def _modes(self, run: Run, state: TrainState, step: int):
    if self._modes_of is None:
      return {}, {}
    found = self._modes_of.scores(self._samples(run, state, mode_coverage.SAMPLES))
    return {f'modes/{k}': float(v) for k, v in found.items()}, in_loop_evaluation.modes_card(
      run.config, step
    )

  def _evaluated(self, state: TrainState, step: int):
    assert self._evaluate
    try:
      line = self._evaluate(state, step)
    except DivergedError:
      # Samples that are not finite have no score; the run is known to have diverged.
      return {}, {}
    return {k: v for k, v in line.items() if k != 'card'}, line['card']

  def during(self, run: Run, state: TrainState, step: int):
    """Scores at a step on the way, and their card; those that are due."""
    scores, card = {}, {}
    if step % run.config['sample_every'] == 0:
      scores, card = self._modes(run, state, step)
    if self._evaluate and step % self._every == 0:
      more, card = self._evaluated(state, step)
      scores |= more
    return scores, card

  def at_end(self, run: Run, state: TrainState, step: int):
    """All scores, and their card."""
    scores, card = self._modes(run, state, step)
    if self._evaluate:
      more, other = self._evaluated(state, step)
      scores, card = {**scores, **more}, {**card, **other}
    return scores, card

  def picture(
    self, run: Run, state: TrainState, source: sources.Source
  ) -> tuple[np.ndarray, np.ndarray]:
    """The picture of a run, and a small one for a sheet of many runs."""
    make, _ = snapshots.drawer(run.config, self._built.game, source)(state)
    picture = make()
    samples = np.asarray(self._samples(run, state, _TILE_IMAGES))
    if samples.ndim > 2:
      return picture, plots.grid(pixels.to_bytes(samples), columns=4)
    half = Image.fromarray(np.ascontiguousarray(picture)).resize(
      (picture.shape[1] // 2, picture.shape[0] // 2), Image.Resampling.LANCZOS
    )
    return picture, np.asarray(half)
