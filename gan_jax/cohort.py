"""Runs that are trained together, as one program: from where they were to the end.

Each has a folder of its own as if it had been trained alone, so that it can be sampled, scored and
reported like any other. While they are under way their common state is in a folder of theirs.
"""

import functools
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from gan_jax import (
  build,
  checkpoints,
  cli,
  data,
  digests,
  drawing,
  ensemble,
  latents,
  loop,
  pictures,
  sweep,
  watch,
  workdir,
)
from gan_jax.config import Plain
from gan_jax.data import points
from gan_jax.errors import ConfigError, DivergedError
from gan_jax.metrics import modes
from gan_jax.train import TrainState, averaged, init_state

RESULT, TILE, UNDER_WAY = 'result.json', 'tile.png', 'under_way'
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
    """What came out, once it has: steps, scores, the step at which it diverged, alerts, seconds.

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


class Estimate(NamedTuple):
  """What a cohort will take.

  Attributes:
    compiling: seconds that compiling took.
    training: seconds, from the time of a few calls.
    bytes: of memory on the devices.
  """

  compiling: float
  training: float
  bytes: int


class Cohort:
  """Runs of one program."""

  def __init__(self, group: sweep.Group, runs: Sequence[Run], out: pathlib.Path):
    """Builds what the runs are of; `out` is the folder of the study."""
    self.runs, self._paths = list(runs), group.paths
    self._config = self.runs[0].config
    self.steps, self._per_call = self._config['steps'], self._config['steps_per_call']
    self._built = {run.setting.label: loop.assemble(run.config) for run in self.runs}
    self._sources = [build.source(run.config) for run in self.runs]
    if any(source.part for source in self._sources):
      raise ConfigError('placement: a study holds its data in memory; sweep placement=resident')
    for run in self.runs:
      run.folder.mkdir(parents=True, exist_ok=True)
      workdir.check_same(run.folder, run.config)
    self._under_way = out / UNDER_WAY / digests.of_texts({r.name: repr(r.config) for r in runs})[:16]
    self._ensemble = ensemble.Ensemble(len(self.runs), self._config['batch_size'])
    self._scorers = {
      label: _Scorer(next(r for r in self.runs if r.setting.label == label), built)
      for label, built in self._built.items()
    }

  def prepare(self) -> Estimate:
    """Compiles, and times a few calls from the first step on, which are thrown away."""
    own, shared = ensemble.divided([source.arrays for source in self._sources])
    values = [sweep.numbers(run.setting, self._paths) for run in self.runs]
    self._own = self._ensemble.place(
      [
        {'arrays': mine, 'values': {path: np.float32(v) for path, v in numbers.items()}}
        for mine, numbers in zip(own, values, strict=True)
      ]
    )
    self._shared = self._ensemble.share(shared)
    self.start = self._ensemble.place(self._first_states())
    began = time.perf_counter()
    self._program = self._ensemble.compiled(
      *(self._step, self.start, self._own, self._shared), self._config['compiler_options']
    )
    compiling = time.perf_counter() - began
    # A call uses up what it is given.
    state = jax.tree.map(lambda leaf: leaf.copy(), self.start)
    times = []
    for _ in range(2):
      began = time.perf_counter()
      state, metrics = self._program(state, self._own, self._shared)
      jax.block_until_ready(metrics)
      times.append(time.perf_counter() - began)
    training = min(times) * self.steps / self._per_call
    return Estimate(compiling, training, ensemble.memory(self._program))

  def _step(self, state: TrainState, feed: Any, values: Mapping[str, Any]):
    built = next(iter(self._built.values()))
    return sweep.step_of(self._config, built, values)(state, feed)

  def _first_states(self) -> list[TrainState]:
    """As `loop.start` gives them, each program compiled once for all seeds."""
    rows = np.arange(self._config['batch_size'])
    begin = {
      label: jax.jit(functools.partial(init_state, built.game, built.play))
      for label, built in self._built.items()
    }
    draw = jax.jit(self._sources[0].batch)
    return [
      begin[run.setting.label](
        latents.stream(run.seed, 'training'), draw(data.arrays_of(source, 0, 1, rows), 0, rows)
      )
      for run, source in zip(self.runs, self._sources, strict=True)
    ]

  def train(self, tell: Callable[[int, int], None], stopped: Callable[[], bool]) -> bool:
    """Trains to the end, from the last checkpoint on.

    Args:
      tell: told (steps done, steps since it was last told), as metrics are logged.
      stopped: asked after each call whether to save and stop.

    Returns:
      Whether the end was reached; the runs' results are in their folders then.
    """
    with checkpoints.opened(self._under_way, keep=1) as kept:
      found = kept.newest(cli.warn)
      step, state = 0, self.start
      if found:
        step, arrays = found
        like = self._ensemble.trimmed(self.start)
        state = self._ensemble.put(checkpoints.from_arrays(arrays, like))
      del self.start
      logs = [_Log(run, step) for run in self.runs]
      try:
        step, state = self._advance(step, state, logs, kept, tell, stopped)
      finally:
        for log in logs:
          log.close()
      if step < self.steps:
        return False
      self._finish(state, logs)
    shutil.rmtree(self._under_way)
    return True

  def _advance(self, step, state, logs, kept, tell, stopped):
    due = lambda key: self._config[key] and (step % self._config[key] == 0 or step == self.steps)
    told, pending, began = step, None, time.perf_counter()
    while step < self.steps:
      state, metrics = self._program(state, self._own, self._shared)
      step += self._per_call
      # The devices are at work on this call while the host reads the metrics of the one before.
      if pending:
        self._read(*pending, logs, began)
      pending = (step, metrics)
      stopping = stopped()
      if due('log_every') or stopping:
        self._read(*pending, logs, began)
        pending = None
        tell(step, step - told)
        told = step
      if (due('sample_every') or due('evaluate_every')) and step < self.steps:
        self._score(step, state, logs)
      if stopping or due('checkpoint_every'):
        if pending:
          self._read(*pending, logs, began)
          pending = None
        kept.save(step, self._ensemble.trimmed(state))
      if stopping:
        break
    kept.wait()
    return step, state

  def _read(self, step: int, metrics, logs, began: float) -> None:
    """Looks for what is not finite in each step of a call, and logs its last."""
    values = self._ensemble.to_host(metrics)
    time_of_each = (time.perf_counter() - began) / len(self.runs)
    for number, log in enumerate(logs):
      own = {name: of_all[number] for name, of_all in values.items()}
      log.see(step, time_of_each, own, self._per_call, self._config['log_every'])

  def _score(self, step: int, state, logs) -> None:
    for number, (run, log) in enumerate(zip(self.runs, logs, strict=True)):
      scores, card = self._scorers[run.setting.label].during(
        run, self._ensemble.run(state, number), step
      )
      if scores:
        log.write({'step': step, **scores, 'card': card})

  def _finish(self, state, logs) -> None:
    """Leaves each run's state, picture and scores in its folder, the result last."""
    for number, (run, log) in enumerate(zip(self.runs, logs, strict=True)):
      if run.result():
        continue
      own, scorer = self._ensemble.run(state, number), self._scorers[run.setting.label]
      workdir.write_config(run.folder, run.config)
      with checkpoints.opened(run.folder / workdir.CHECKPOINTS, keep=1) as kept:
        kept.save(self.steps, own)
      (run.folder / workdir.SAMPLES).mkdir(exist_ok=True)
      picture, tile = scorer.picture(run, own)
      drawing.save_png(run.folder / workdir.SAMPLES / f'step_{self.steps:08}.png', picture)
      drawing.save_png(run.folder / TILE, tile)
      scores, card = scorer.at_end(run, own, self.steps)
      result = {
        **{'steps': self.steps, 'scores': scores, 'card': card, 'diverged': log.diverged},
        **{'alerts': log.alerts, 'seconds': round(log.time, 1)},
      }
      workdir.write_whole(run.folder / RESULT, json.dumps(result, indent=2).encode() + b'\n')


class _Log:
  """The metrics of a run, and when it diverged."""

  def __init__(self, run: Run, step: int):
    self._run = run
    self._metrics = workdir.Metrics(run.folder, step if step else -1)
    before = [alert for line in self._metrics.history for alert in line.get('alerts', ())]
    self._alarm = watch.Alarm(self._metrics.history, lambda text: cli.warn(f'{run.name}: {text}'))
    self.alerts, self.time = before, self._metrics.time
    self._before = self.time
    self.diverged = next((a['step'] for a in before if a['name'] == 'divergence' and 'step' in a), None)

  def see(self, step: int, spent: float, values: Mapping[str, np.ndarray], count: int, every: int):
    """Values of the `count` steps that ended at `step`, of which the last is logged."""
    self.time = round(self._before + spent, 3)
    if self.diverged is not None:
      return
    bad = [
      (int(offset), name) for name, v in values.items() for offset in np.flatnonzero(~np.isfinite(v))
    ]
    if bad:
      offset, name = min(bad)
      self.diverged = step - count + 1 + offset
      alert = {'name': 'divergence', 'text': f'{name} is not finite', 'step': self.diverged}
      cli.warn(f'{self._run.name}: {alert["text"]} at step {self.diverged}; the others go on')
      self.alerts.append(alert)
      self.write({'step': step, 'alerts': [alert]})
    elif step % every == 0:
      line = {'step': step, **{name: float(v[-1]) for name, v in values.items()}}
      alerts = self._alarm.see(line)
      self.alerts += alerts
      self.write(line | ({'alerts': alerts} if alerts else {}))

  def write(self, line: Mapping[str, Any]) -> None:
    """Appends a line."""
    self._metrics.write({'step': line['step'], 'time': self.time, **line})

  def close(self) -> None:
    """Closes the file."""
    self._metrics.close()


class _Scorer:
  """Scores and draws the runs of one setting; what is compiled for it serves all its seeds."""

  def __init__(self, run: Run, built: loop.Built):
    self._config, self._built = run.config, built
    self._sample = jax.jit(built.game.sample)
    self._modes_of = built.source.modes if isinstance(built.source.modes, points.Modes) else None
    config = self._config
    if self._modes_of is None and not config['evaluate_every']:
      # Something must be scored at the end.
      config = {**config, 'evaluate_every': config['steps']}
    self._every = config['evaluate_every']
    self._evaluate = watch.evaluator(config, built.game, built.source)

  def _samples(self, run: Run, state: TrainState, num: int):
    return self._sample(averaged(state.variables, state.ema), latents.sample_keys(run.seed, 0, num))

  def _modes(self, run: Run, state: TrainState, step: int):
    if self._modes_of is None:
      return {}, {}
    found = self._modes_of.scores(self._samples(run, state, modes.SAMPLES))
    return {f'modes/{k}': float(v) for k, v in found.items()}, watch.modes_card(run.config, step)

  def _evaluated(self, state: TrainState, step: int):
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

  def picture(self, run: Run, state: TrainState) -> tuple[np.ndarray, np.ndarray]:
    """The picture of a run, and a small one for a sheet of many runs."""
    draw = pictures.drawer(run.config, self._built.game, build.source(run.config))
    picture, _ = draw(state)
    samples = np.asarray(self._samples(run, state, _TILE_IMAGES))
    if samples.ndim > 2:
      return picture, drawing.grid(drawing.to_bytes(samples), columns=4)
    half = Image.fromarray(np.ascontiguousarray(picture)).resize(
      (picture.shape[1] // 2, picture.shape[0] // 2), Image.Resampling.LANCZOS
    )
    return picture, np.asarray(half)
