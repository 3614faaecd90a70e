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

from gan_jax.common import console, files, hashing, pixels, rng
from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.data import source as data_source
from gan_jax.runtime import vectorized_runs
from gan_jax.storage import checkpoints, hardware, workdir
from gan_jax.study import sweep
from gan_jax.study.member_run import RESULT, TILE, Log, Run, Scorer
from gan_jax.training.state import TrainState, init_state

TOGETHER = 'runs.json'


class Estimate(NamedTuple):
  """What a cohort will take.

  Attributes:
    compiling: seconds that compiling took.
    training: seconds for the steps that are left, from the time of a few calls.
    bytes: of memory on the devices.
  """

  compiling: float
  training: float
  bytes: int


class StudyRunner:
  """Runs of one program."""

  def __init__(self, group: sweep.CompiledGroup, runs: Sequence[Run], out: pathlib.Path):
    """Builds what the runs are of; `out` is the folder of the study."""
    self.runs, self._paths = list(runs), group.paths
    self._config = self.runs[0].config
    self.steps, self._per_call = self._config['steps'], self._config['steps_per_call']
    configs = {run.setting.label: run.config for run in self.runs}
    self._built = {label: sweep.assembled(label, config) for label, config in configs.items()}
    self._sources = _sources(self.runs)
    if any(source.read_batches for source in self._sources):
      raise ConfigError('placement: a study holds its data in memory; sweep placement=resident')
    for run in self.runs:
      workdir.check_same(run.folder, run.config)
    _check_data(self.runs, self._sources)
    self._under_way = out / workdir.UNDER_WAY / hashing.of_texts({run.name: '' for run in runs})[:16]
    self.done = max([int(p.name) for p in self._under_way.glob('*') if p.name.isdigit()], default=0)
    self._ensemble = vectorized_runs.Ensemble(len(self.runs), self._config['batch_size'])
    self._scorers = {
      label: Scorer(next(r for r in self.runs if r.setting.label == label), built)
      for label, built in self._built.items()
    }

  def prepare(self) -> Estimate:
    """Compiles, and times a few calls from the first step on, which are thrown away."""
    own, shared = vectorized_runs.divided([source.arrays for source in self._sources])
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
    training = min(times) * (self.steps - self.done) / self._per_call
    return Estimate(compiling, training, vectorized_runs.memory(self._program))

  def _step(self, state: TrainState, feed: Any, values: Mapping[str, Any]):
    built = next(iter(self._built.values()))
    return sweep.step_of(self._config, built, values)(state, feed)

  def _first_states(self) -> list[TrainState]:
    """As `loop.initial_state` gives them, each program compiled once for all seeds."""
    rows = np.arange(self._config['batch_size'])
    begin = {
      label: jax.jit(functools.partial(init_state, built.game, built.play))
      for label, built in self._built.items()
    }
    draw = jax.jit(self._sources[0].batch)
    return [
      begin[run.setting.label](
        rng.key_for(run.seed, 'training'), draw(data_source.arrays_of(source, 0, 1, rows), 0, rows)
      )
      for run, source in zip(self.runs, self._sources, strict=True)
    ]

  def train(self, tell: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
    """Trains to the end, from the last checkpoint on; then the runs' results are in their folders.

    Args:
      tell: told (steps done, steps since it was last told), as metrics are logged.
      stopped: asked after each call whether to save and stop.
    """
    for run, source in zip(self.runs, self._sources, strict=True):
      _begin_folder(run, source)
    self._under_way.mkdir(parents=True, exist_ok=True)
    names = json.dumps([run.name for run in self.runs])
    files.write_atomic(self._under_way / TOGETHER, names.encode())
    with checkpoints.opened(self._under_way, self._config, keep=2) as kept:
      step, state = self._resumed(kept)
      logs = [Log(run, step) for run in self.runs]
      try:
        step, state = self._advance(step, state, logs, kept, tell, stopped)
        if step < self.steps:
          return
        self._finish(state, logs)
      finally:
        for log in logs:
          log.close()
    shutil.rmtree(self._under_way)

  def _resumed(self, kept: checkpoints.Checkpoints) -> tuple[int, TrainState]:
    """The step and the state to go on from, of which nothing else is held then."""
    start, found = self.start, kept.newest(console.warn)
    del self.start
    if not found:
      return 0, start
    step, arrays = found
    like = jax.eval_shape(self._ensemble.trimmed, start)
    return step, self._ensemble.put(checkpoints.from_arrays(arrays, like))

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
      log.see(step, time_of_each, own)

  def _score(self, step: int, state, logs) -> None:
    for number, (run, log) in enumerate(zip(self.runs, logs, strict=True)):
      scores, card = self._scorers[run.setting.label].during(
        run, self._ensemble.run(state, number), step
      )
      log.score(step, scores, card)

  def _finish(self, state, logs) -> None:
    """Leaves each run's state, picture and scores in its folder, the result last."""
    for number, (run, log) in enumerate(zip(self.runs, logs, strict=True)):
      # It is there where a kill came between two of them.
      if run.result():
        continue
      own, scorer = self._ensemble.run(state, number), self._scorers[run.setting.label]
      with checkpoints.opened(run.folder / workdir.CHECKPOINTS, run.config, keep=1) as kept:
        if self.steps not in kept.steps():
          kept.save(self.steps, own)
      picture, tile = scorer.picture(run, own, self._sources[number])
      pixels.save_png(run.folder / workdir.SAMPLES / f'step_{self.steps:08}.png', picture)
      pixels.save_png(run.folder / TILE, tile)
      scores, card = scorer.at_end(run, own, self.steps)
      log.score(self.steps, scores, card)
      result = {
        **{'steps': self.steps, 'scores': scores, 'card': card, 'diverged': log.diverged},
        **{'alerts': log.alerts, 'seconds': round(log.time, 1)},
        'made_with': hardware.current(),
      }
      files.write_atomic(run.folder / RESULT, json.dumps(result, indent=2).encode() + b'\n')


def parts(runs: Sequence[Run], out: pathlib.Path) -> list[list[Run]]:
  """The runs that are left to train: those that were under way together, then those that were not."""
  left, found = {run.name: run for run in runs}, []
  for path in sorted((out / workdir.UNDER_WAY).glob(f'*/{TOGETHER}')):
    names = json.loads(path.read_text())
    if all(name in left for name in names):
      found.append([left.pop(name) for name in names])
  missing = [run for run in left.values() if run.result() is None]
  return found + [missing] * bool(missing)


def _sources(runs: Sequence[Run]) -> list[data_source.Source]:
  """The sources of the runs; what is the same in all of them, as the images of a set, is held once."""
  first, found = None, []
  for run in runs:
    source = build.make_source(run.config)
    first = first or source
    arrays = {
      key: first.arrays[key] if np.array_equal(first.arrays[key], array) else array
      for key, array in source.arrays.items()
    }
    same = source.images is not None and arrays.get('image') is first.arrays.get('image')
    found.append(source._replace(arrays=arrays, images=first.images if same else source.images))
  return found


def _begin_folder(run: Run, source: data_source.Source) -> None:
  (run.folder / workdir.SAMPLES).mkdir(parents=True, exist_ok=True)
  digest = data_source.digest(source)
  if digest:
    workdir.note_data(run.folder, run.config, {'digest': digest, 'about': source.about})
  workdir.write_config(run.folder, run.config)


def _check_data(runs: Sequence[Run], sources: Sequence[data_source.Source]) -> None:
  """Raises ConfigError if a run, or another seed of its setting, began with other data."""
  settings = {run.folder.parent: (run, source) for run, source in zip(runs, sources, strict=True)}
  for folder, (run, source) in settings.items():
    digest = data_source.digest(source)
    for path in sorted(folder.glob(f'seed_*/{workdir.DATA}')) if digest else ():
      workdir.check_data(path.parent, run.config, digest)
