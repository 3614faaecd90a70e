"""Training of runs together, as one program: from where they were to the end.

Each run has its own folder as if it had been trained alone, so that it can be sampled, evaluated and
reported like any other. Until they are finished their common state is in the folder of the study.
"""

import contextlib
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
from gan_jax.common.types import PyTree
from gan_jax.config import build, run_config
from gan_jax.config.run_config import RunConfig
from gan_jax.data import source as data_source
from gan_jax.game import Game
from gan_jax.run import loop
from gan_jax.run.setup import Built
from gan_jax.runtime import vectorized_runs
from gan_jax.storage import batch_file, checkpoints, hardware, workdir
from gan_jax.study import member_run, sweep
from gan_jax.study.member_run import RESULT, TILE, MemberEvaluator, MemberLog, Run
from gan_jax.training.state import TrainState, init_state

TOGETHER = 'runs.json'
"""File with the names of the runs that are trained together, beside their common state."""


class Estimate(NamedTuple):
  """The cost of training runs.

  Attributes:
    compiling: seconds that compiling took.
    training: seconds for the remaining steps, from the time of a few calls.
    bytes: of memory on the devices.
  """

  compiling: float
  training: float
  bytes: int


class AssembledRuns(NamedTuple):
  """The runs of one program, and what they are built from.

  Attributes:
    runs: the runs.
    config: of the first run; the others differ in the seed and in the numbers at `paths` alone.
    paths: of the numbers that are inputs of the program.
    built: {label of a setting: its objects}.
    evaluators: {label of a setting: its evaluator}.
    sources: the data of each run.
    folder: for the common state.
    done: steps that were trained before.
  """

  runs: Sequence[Run]
  config: RunConfig
  paths: Sequence[str]
  built: Mapping[str, Built]
  evaluators: Mapping[str, MemberEvaluator]
  sources: Sequence[data_source.Source]
  folder: pathlib.Path
  done: int

  @property
  def steps(self) -> int:
    """The steps of each run in all."""
    return self.config.training.steps


class CompiledRuns(NamedTuple):
  """Runs that are ready to be trained, once.

  Attributes:
    assembled: the runs.
    layout: their distribution over the devices.
    program: (state, per_run, shared) -> (state, metrics).
    start: the state before the first step, [runs, ...]; training uses it up.
    per_run: arrays and numbers of each run, [runs, ...].
    shared: arrays that all runs read.
    estimate: what training will take.
  """

  assembled: AssembledRuns
  layout: vectorized_runs.VectorizedRuns
  program: jax.stages.Compiled
  start: TrainState
  per_run: PyTree
  shared: PyTree
  estimate: Estimate


def remaining(runs: Sequence[Run], out: pathlib.Path) -> list[list[Run]]:
  """Returns the runs that are not finished: those that were under way together, then the others."""
  unclaimed, groups = {run.name: run for run in runs}, []
  for path in sorted((out / workdir.UNDER_WAY).glob(f'*/{TOGETHER}')):
    names = json.loads(path.read_text())
    if all(name in unclaimed for name in names):
      groups.append([unclaimed.pop(name) for name in names])
  missing = [run for run in unclaimed.values() if run.result() is None]
  return [*groups, missing] if missing else groups


def assemble(group: sweep.CompiledGroup, runs: Sequence[Run], out: pathlib.Path) -> AssembledRuns:
  """Builds the objects of runs of one program.

  Args:
    group: the settings of the program.
    runs: runs of these settings, at least one.
    out: the folder of the study.

  Raises:
    ConfigError: objects that cannot be built, or a folder with another config or other data.
  """
  first_runs: dict[str, Run] = {}
  for run in runs:
    first_runs.setdefault(run.setting.label, run)
  built = {label: sweep.assembled(label, run.config) for label, run in first_runs.items()}
  sources = _sources(runs)
  if any(source.read_batches for source in sources):
    raise ConfigError('placement: a study holds its data in memory; sweep placement=resident')
  for run in runs:
    workdir.check_same(run.folder, run.config)
  _check_data(runs, sources)
  folder = out / workdir.UNDER_WAY / hashing.of_texts({run.name: '' for run in runs})[:16]
  return AssembledRuns(
    runs=runs,
    config=run_config.parse(runs[0].config),
    paths=group.paths,
    built=built,
    evaluators={
      label: member_run.make_evaluator(run_config.parse(run.config), built[label])
      for label, run in first_runs.items()
    },
    sources=sources,
    folder=folder,
    done=max([int(path.name) for path in folder.glob('*') if path.name.isdigit()], default=0),
  )


def compile_runs(assembled: AssembledRuns) -> CompiledRuns:
  """Compiles runs, and times a few calls from the first step on, whose results are not used."""
  training = assembled.config.training
  layout = vectorized_runs.VectorizedRuns(len(assembled.runs))
  arrays, shared = vectorized_runs.divided([source.arrays for source in assembled.sources])
  values = [sweep.numbers(run.setting, assembled.paths) for run in assembled.runs]
  per_run = layout.stack(
    [
      {'arrays': mine, 'values': {path: np.float32(v) for path, v in numbers.items()}}
      for mine, numbers in zip(arrays, values, strict=True)
    ]
  )
  shared = layout.share(shared)
  start = layout.stack(_first_states(assembled))

  first, built = assembled.runs[0], next(iter(assembled.built.values()))

  def step(state: TrainState, feed: PyTree, values: Mapping[str, Any]) -> tuple[TrainState, PyTree]:
    return sweep.make_call(first.config, built, values)(state, feed)

  began = time.perf_counter()
  program = vectorized_runs.compile_runs(
    layout, step, training.batch_size, (start, per_run, shared), training.compiler_options
  )
  compiling = time.perf_counter() - began
  # A call uses up the state that it is given.
  state = jax.tree.map(lambda leaf: leaf.copy(), start)
  times = []
  for _ in range(2):
    began = time.perf_counter()
    state, metrics = program(state, per_run, shared)
    jax.block_until_ready(metrics)
    times.append(time.perf_counter() - began)
  calls = (training.steps - assembled.done) / training.steps_per_call
  estimate = Estimate(compiling, min(times) * calls, vectorized_runs.memory(program))
  return CompiledRuns(assembled, layout, program, start, per_run, shared, estimate)


def train(
  compiled: CompiledRuns, tell: Callable[[int, int], None], stopped: Callable[[], bool]
) -> None:
  """Trains to the end, from the last checkpoint on, and writes each run's results into its folder.

  Args:
    compiled: the runs.
    tell: called with (steps done, steps since the last time) as metrics are logged.
    stopped: asked after each call whether to save and stop.
  """
  assembled = compiled.assembled
  runs, folder = assembled.runs, assembled.folder
  for run, source in zip(runs, assembled.sources, strict=True):
    _begin_folder(run, assembled.built[run.setting.label].game, source)
  folder.mkdir(parents=True, exist_ok=True)
  files.write_atomic(folder / TOGETHER, json.dumps([run.name for run in runs]).encode())
  opened = checkpoints.writable(folder, assembled.config.plain, keep=2)
  with opened as saved, contextlib.ExitStack() as stack:
    step, state = _newest_state(compiled, saved)
    logs = []
    for run in runs:
      logs.append(stack.enter_context(contextlib.closing(member_run.open_log(run, step))))
    step, state = _train(compiled, saved, logs, step, state, tell, stopped)
    if step < assembled.steps:
      return
    for index, log in enumerate(logs):
      _finish(assembled, index, functools.partial(compiled.layout.take, state, index), log)
  shutil.rmtree(folder)


def _first_states(assembled: AssembledRuns) -> list[TrainState]:
  """The states before the first step, as `setup.initial_state` makes them.

  Each program is compiled once for all seeds.
  """
  rows = np.arange(assembled.config.training.batch_size)
  begin = {
    label: jax.jit(functools.partial(init_state, built.game, built.play))
    for label, built in assembled.built.items()
  }
  batch = jax.jit(assembled.sources[0].batch)
  return [
    begin[run.setting.label](
      rng.key_for(run.seed, 'training'), batch(data_source.arrays_of(source, 0, 1, rows), 0, rows)
    )
    for run, source in zip(assembled.runs, assembled.sources, strict=True)
  ]


def _newest_state(compiled: CompiledRuns, saved: checkpoints.Checkpoints) -> tuple[int, TrainState]:
  """The step and the state from which the runs resume; the devices hold no other state then."""
  newest = saved.newest(console.warn)
  if not newest:
    return 0, compiled.start
  step, arrays = newest
  like = jax.eval_shape(compiled.layout.trimmed, compiled.start)
  jax.tree.map(lambda leaf: leaf.delete(), compiled.start)
  return step, compiled.layout.put(checkpoints.from_arrays(arrays, like))


def _train(
  compiled: CompiledRuns,
  saved: checkpoints.Checkpoints,
  logs: Sequence[MemberLog],
  step: int,
  state: TrainState,
  tell: Callable[[int, int], None],
  stopped: Callable[[], bool],
) -> tuple[int, TrainState]:
  assembled, layout = compiled.assembled, compiled.layout
  config, runs = assembled.config, assembled.runs
  began, told = time.perf_counter(), step

  def read(step: int, metrics: PyTree) -> None:
    values: Any = layout.to_host(metrics)
    seconds = (time.perf_counter() - began) / len(runs)
    for index, log in enumerate(logs):
      log.training(step, seconds, {name: of_runs[index] for name, of_runs in values.items()})

  def report(step: int, state: TrainState) -> None:
    nonlocal told
    tell(step, step - told)
    told = step

  def evaluate(step: int, state: TrainState) -> None:
    # The last step is evaluated when the runs are finished.
    if step == assembled.steps:
      return
    for index, (run, source) in enumerate(zip(runs, assembled.sources, strict=True)):
      evaluator = assembled.evaluators[run.setting.label]
      evaluated = evaluator.during(run.seed, source, layout.take(state, index), step)
      logs[index].evaluation(step, *evaluated)

  def save(step: int, state: TrainState) -> None:
    saved.save(step, layout.trimmed(state))

  logging = config.logging
  calls = loop.calls(
    lambda state, step: compiled.program(state, compiled.per_run, compiled.shared),
    state,
    loop.Steps(step, assembled.steps, config.training.steps_per_call),
    read,
    [
      loop.Hook((logging.log_every,), report, on_stop=True),
      loop.Hook((logging.sample_every, config.evaluation.every), evaluate),
      loop.Hook((logging.checkpoint_every,), save, on_stop=True),
    ],
    lambda step: stopped(),
  )
  for done in calls:
    step, state, _ = done
  saved.wait()
  return step, state


def _finish(
  assembled: AssembledRuns, index: int, state_of_run: Callable[[], TrainState], log: MemberLog
) -> None:
  """Writes a run's state, picture and metrics into its folder, the result last."""
  run, steps = assembled.runs[index], assembled.steps
  # A kill between two runs leaves the first one finished.
  if run.result():
    return
  state, evaluator = state_of_run(), assembled.evaluators[run.setting.label]
  with checkpoints.writable(run.folder / workdir.CHECKPOINTS, run.config, keep=1) as saved:
    if steps not in saved.steps():
      saved.save(steps, state)
  source = assembled.sources[index]
  picture, tile = evaluator.picture(run.seed, state, source)
  pixels.save_png(run.folder / workdir.SAMPLES / f'step_{steps:08}.png', picture)
  pixels.save_png(run.folder / TILE, tile)
  log.picture(steps, picture)
  metrics, card = evaluator.at_end(run.seed, source, state, steps)
  log.evaluation(steps, metrics, card)
  result = {
    'steps': steps,
    'scores': metrics,
    'card': card,
    'diverged': log.diverged,
    'alerts': log.alerts,
    'seconds': round(log.seconds, 1),
    'made_with': hardware.current(),
  }
  files.write_atomic(run.folder / RESULT, json.dumps(result, indent=2).encode() + b'\n')


def _sources(runs: Sequence[Run]) -> list[data_source.Source]:
  """The sources of the runs; arrays that agree, such as the images of a dataset, are held once."""
  first, sources = None, []
  for run in runs:
    source = build.make_source(run_config.parse(run.config).data)
    first = first or source
    arrays = {
      key: first.arrays[key] if np.array_equal(first.arrays[key], array) else array
      for key, array in source.arrays.items()
    }
    same = source.images is not None and arrays.get('image') is first.arrays.get('image')
    sources.append(source._replace(arrays=arrays, images=first.images if same else source.images))
  return sources


def _begin_folder(run: Run, game: Game, source: data_source.Source) -> None:
  (run.folder / workdir.SAMPLES).mkdir(parents=True, exist_ok=True)
  digest = data_source.digest(source)
  if digest:
    workdir.note_data(run.folder, run.config, {'digest': digest, 'about': source.about})
  batch_file.write(run.folder, game, source)
  workdir.write_config(run.folder, run.config)


def _check_data(runs: Sequence[Run], sources: Sequence[data_source.Source]) -> None:
  """Raises ConfigError if a run, or another seed of its setting, began with other data."""
  settings = {run.folder.parent: (run, source) for run, source in zip(runs, sources, strict=True)}
  for folder, (run, source) in settings.items():
    digest = data_source.digest(source)
    for path in sorted(folder.glob(f'seed_*/{workdir.DATA}')) if digest else ():
      workdir.check_data(path.parent, run.config, digest)
