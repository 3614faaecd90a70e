"""Builds the objects of a run from its config, and trains it.

This is the only module of training that reads the whole config: each object gets its own part.
"""

import contextlib
import dataclasses
import functools
import pathlib
import signal
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import jax

from gan_jax import modalities
from gan_jax.common import console, rng
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import PyTree
from gan_jax.config import build
from gan_jax.config.run_config import RunConfig, TrainingConfig
from gan_jax.data import source as sources
from gan_jax.evaluation import evaluator
from gan_jax.game import Game, conditions, sample
from gan_jax.run import best_checkpoint, callbacks, feeds, in_loop_evaluation, loop, results, resume
from gan_jax.run.alerts import AlertLog
from gan_jax.run.callbacks import Callback
from gan_jax.run.in_loop_evaluation import EvaluationHook
from gan_jax.run.progress import Progress
from gan_jax.run.results import PictureHook
from gan_jax.run.run_log import Divergence, MetricsReader, RunLog
from gan_jax.runtime import devices, processes, profiling
from gan_jax.storage import (
  checkpoints,
  hardware,
  load_run,
  metrics_log,
  start_from,
  wandb_log,
  workdir,
)
from gan_jax.storage.sample_sources import RunData
from gan_jax.training import frozen
from gan_jax.training.state import Metrics, TrainState, averaged, init_state, with_variables
from gan_jax.training.step import make_step
from gan_jax.training.update_schedule import UpdateSchedule
from gan_jax.visualization import inspection, page, snapshots


class Outcome(NamedTuple):
  """How a run ended: at which step, by which signal or alert if any, and whether it was done before."""

  step: int
  signal: signal.Signals | None
  was_finished: bool = False
  alerted: bool = False


@dataclasses.dataclass(frozen=True)
class Built:
  """The objects that are trained: a game, its update schedule, and data; and the steps of training."""

  game: Game
  play: UpdateSchedule
  source: sources.Source
  training: TrainingConfig

  @functools.cached_property
  def begin(self) -> Callable[..., TrainState]:
    """(key, batch) -> the state before the first step; traced once, which takes seconds."""
    return jax.jit(functools.partial(init_state, self.game, self.play))


def check_values(config: RunConfig) -> None:
  """Raises ConfigError for a game, a network or an optimizer that cannot be built; reads no data."""
  build.make_update_schedule(config.updates, build.make_game(config.game))


def assemble_run(config: RunConfig) -> Built:
  """Returns what a checked config describes; networks and data are tried on each other's shapes.

  Raises:
    ConfigError: the config names something unknown, networks and data do not fit, or no modality has
      such examples.
  """
  source = build.make_source(config.data)
  with at('data'):
    modalities.of_shape(evaluator.example_shape(source))
  game = build.make_game(config.game)
  build.check_labels(game, source)
  _warn_of_unused_labels(config, source)
  built = Built(game, build.make_update_schedule(config.updates, game), source, config.training)
  with at('networks'):
    _check_shapes(built)
  frozen.check_names(game, built.play, jax.eval_shape(lambda: initial_state(built)).variables)
  return built


def _warn_of_unused_labels(config: RunConfig, source: sources.Source) -> None:
  """Warns if a game that can use labels has `gan.classes=0`, and the data has labels."""
  count = sources.label_count(source)
  if count and config.game.gan.get('classes') == 0 and processes.is_primary():
    console.warn(
      f'gan.classes=0: the {count} labels of the data are not used; set gan.classes={count} to use them'
    )


def initial_state(built: Built) -> TrainState:
  """Returns the state before the first step."""
  batch = build.make_batch(built.source, built.training.batch_size)
  return built.begin(rng.key_for(built.training.seed, 'training'), batch)


def run_data(config: RunConfig, built: Built) -> RunData:
  """Returns the data from which a user may ask samples."""
  batch = functools.partial(sources.example, built.source)
  return RunData(config.data, batch, built.source.classes)


def make_call(built: Built) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """Returns the function that a device runs in one call of a run, see `step.make_step`."""
  training = built.training
  is_global = training.batch_statistics == 'global'
  across = devices.GLOBAL_BATCH if is_global else devices.PER_DEVICE
  count, unroll = training.steps_per_call, training.scan_unroll
  return make_step(built.game, built.play, built.source.batch, across, count, unroll)


def _start_from(built: Built, like: TrainState) -> Callable[[TrainState], TrainState]:
  """Reads the weights of other runs; returns the function that puts them into the first state."""
  weights = start_from.read(built.training.start_from, like.variables)

  def changed(state: TrainState) -> TrainState:
    variables = start_from.replaced(state.variables, weights)
    return with_variables(built.game, built.play, state, variables)

  return changed


def _check_shapes(built: Built) -> None:
  """Raises ConfigError if the generator's samples are of another shape than the data."""
  batch = jax.eval_shape(lambda: build.make_batch(built.source, built.training.batch_size))
  state = jax.eval_shape(lambda: initial_state(built))
  keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), built.training.batch_size))
  given = jax.eval_shape(lambda: conditions(built.game, batch))
  samples = functools.partial(sample, built.game)
  generated = jax.eval_shape(samples, state.variables, keys, given).shape[1:]
  real = batch['real'].shape[1:]
  if generated != real:
    raise ConfigError(
      f'samples have the shape {generated}, and the data {real}; give both the same size and channels'
    )


class Caller(NamedTuple):
  """The arguments of a training besides its config.

  Attributes:
    started: time.perf_counter() when the program was started.
    window: the steps that are traced.
    callbacks: functions of the user.
    stop: the signals that end the training.
    wandb: the project in Weights & Biases that also gets metrics and pictures; None for no project.
  """

  started: float
  window: profiling.Window
  callbacks: Sequence[Callback]
  stop: processes.StopRequest
  wandb: str | None = None


def calls(
  config: RunConfig, built: Built, folder: pathlib.Path, caller: Caller
) -> Generator[tuple[int, TrainState, Metrics], None, Outcome]:
  """Trains in `folder`, going on from its newest checkpoint, one call each time it is resumed.

  Args:
    config: of the run.
    built: of the config.
    folder: locked by this process, see `workdir.locked`.
    caller: the other arguments.

  Yields:
    The steps done, the state, and the metrics of the call, see `loop.calls`.

  Returns:
    How the training ended.

  Raises:
    ConfigError: the folder is past `steps`, or holds no checkpoint that is whole.
    DivergedError: a loss or gradient is not finite any more.
  """
  steps = config.training.steps
  opened = checkpoints.writable(
    folder / workdir.CHECKPOINTS, config.plain, config.logging.keep_checkpoints
  )

  def finish(state: TrainState) -> None:
    final = devices.local(state)
    variables = averaged(final.variables, final.ema)
    weights, seed = config.updates.weights, config.training.seed
    given = load_run.conditions_of_data(config.plain, built.game, seed)
    subject = inspection.Subject(built.game, variables, steps, weights, seed, given)
    processes.on_primary(lambda: results.write(folder, subject, built.source))

  # Inside, so that a lost process does not make this one wait for a checkpoint.
  with opened as saved, processes.guarded():
    changed = functools.partial(_start_from, built) if config.training.start_from else None
    state, step = resume.newest_state(lambda: initial_state(built), saved, steps, changed)
    if step >= steps:
      if processes.decided(not results.are_written(folder)):
        finish(state)
      return Outcome(step, None, was_finished=True)
    with contextlib.ExitStack() as stack:
      session = _open_session(config, built, folder, saved, step, caller, stack)
      stack.callback(caller.window.close)
      processes.on_primary(lambda: _begin_folder(folder, config, step))
      outcome, state = yield from _calls(config.training, built, session, state, step, caller)
      if outcome.step >= steps:
        finish(state)
      elif outcome.alerted:
        processes.on_primary(lambda: page.write(folder))
      return outcome


def _begin_folder(folder: pathlib.Path, config: RunConfig, step: int) -> None:
  (folder / workdir.SAMPLES).mkdir(exist_ok=True)
  hardware.note(folder, step, console.warn)
  workdir.write_config(folder, config.plain)


class _Session(NamedTuple):
  """The collaborators of a training, opened.

  Attributes:
    log: prints and writes.
    read: reads the metrics of calls.
    picture: draws a state.
    evaluation: evaluates a state; None for a run that is not evaluated.
    hooks: what is done at intervals.
    wait: returns when all pictures and checkpoints are on disk.
  """

  log: RunLog
  read: MetricsReader
  picture: PictureHook
  evaluation: EvaluationHook | None
  hooks: list[loop.Hook]
  wait: Callable[[], None]


def _last_kept(step: int) -> int:
  """Returns the last step whose records a run from `step` on keeps.

  A run from the start keeps no record that an earlier attempt left of its first step.
  """
  return step or -1


def _open_log(
  config: RunConfig,
  built: Built,
  folder: pathlib.Path,
  step: int,
  wandb: str | None,
  stack: contextlib.ExitStack,
) -> RunLog:
  """Opens the log of a training from `step` on; only the first process writes a file."""
  training, is_primary = config.training, processes.is_primary()
  file = metrics_log.Metrics.open(folder, _last_kept(step)) if is_primary else None
  if file:
    stack.callback(file.close)
  progress = Progress(step, training.steps, silent=not is_primary)
  stack.callback(progress.close)
  alerts = AlertLog(file.history if file else [], console.warn)
  sinks = []
  if wandb and is_primary:
    sinks.append(wandb_log.open_log(wandb, folder, config.plain, console.warn))
    stack.callback(sinks[0].close)
  return RunLog(file, alerts, progress, training.batch_size * built.play.draws, sinks)


def _open_best(
  config: RunConfig, folder: pathlib.Path, step: int, stack: contextlib.ExitStack
) -> best_checkpoint.BestCheckpoint | None:
  """Opens the best checkpoint of a run; None if its config names no metric for it."""
  metric = config.evaluation.settings['best']
  if not metric:
    return None
  spare = -(-config.logging.checkpoint_every // config.evaluation.every)
  opened = checkpoints.writable(folder / workdir.BEST, config.plain, keep=1 + spare)
  return best_checkpoint.resumed(stack.enter_context(opened), metric, _last_kept(step))


def _open_session(
  config: RunConfig,
  built: Built,
  folder: pathlib.Path,
  saved: checkpoints.Checkpoints,
  step: int,
  caller: Caller,
  stack: contextlib.ExitStack,
) -> _Session:
  """Builds the collaborators of a training from `step` on; `stack` closes them."""
  training, logging, weights = config.training, config.logging, config.updates.weights
  log = _open_log(config, built, folder, step, caller.wandb, stack)
  batch = build.make_batch(built.source, training.batch_size)
  averages = bool(config.updates.ema)
  draw = snapshots.drawer(built.game, built.source, batch, training.seed, averages)
  evaluate = in_loop_evaluation.in_loop_evaluator(
    config.evaluation, config.data, weights, built.game, built.source
  )
  best = _open_best(config, folder, step, stack) if evaluate else None
  pictures = snapshots.Saver(folder / workdir.SAMPLES, log.picture)
  stack.callback(pictures.close)

  divergence = Divergence(folder, log, saved, pictures.wait)
  players = [player.name for player in built.game.players]
  read = MetricsReader(
    log,
    caller.started,
    is_logged=lambda step: step % logging.log_every == 0 or step == training.steps,
    stops_on_alert=logging.on_alert == 'stop',
    check=functools.partial(divergence.check, players),
  )

  def save(step: int, state: TrainState) -> None:
    # The checkpoint is last, because it vouches for the others.
    pictures.wait()
    saved.save(step, devices.local(state))

  def wait() -> None:
    pictures.wait()
    saved.wait()

  picture = PictureHook(draw, pictures, log, config.data, weights)
  hooks = [loop.Hook((logging.sample_every,), picture)]
  evaluation = None
  if evaluate:
    evaluation = EvaluationHook(evaluate, log, best, divergence)
    hooks.append(loop.Hook((config.evaluation.every,), evaluation))
  # The checkpoint of the interval before is complete before this one counts as done.
  hooks.append(loop.Hook((logging.checkpoint_every,), save, on_stop=True, before_metrics=saved.wait))
  data = run_data(config, built)
  hooks += [callbacks.hook(callback, built.game, data, log) for callback in caller.callbacks]
  return _Session(log, read, picture, evaluation, hooks, wait)


def _calls(
  training: TrainingConfig,
  built: Built,
  session: _Session,
  state: TrainState,
  step: int,
  caller: Caller,
) -> Generator[tuple[int, TrainState, Metrics], None, tuple[Outcome, TrainState]]:
  """Trains from `step` on; draws and evaluates the first state while the program compiles."""
  program = devices.Program(make_call(built), options=training.compiler_options)
  per_call, batches = training.steps_per_call, built.play.draws
  opened = feeds.opened(built.source, training.batch_size, step * batches, per_call * batches)
  with opened as feed:
    first, feed = feeds.peeked(feed)
    program.start_compiling(devices.shape_structs(state), first)
    if step == 0:
      session.picture(step, state)
    else:
      session.log.say(f'resumes from step {step}')
    if session.evaluation:
      session.evaluation.start(step, state)

    def call(state: TrainState, step: int) -> tuple[TrainState, Metrics]:
      caller.window.before(step, state)
      with jax.profiler.StepTraceAnnotation('call', step_num=step):
        state, metrics = program(state, next(feed))
      caller.window.after(step + per_call, state)
      return state, metrics

    def should_stop(step: int) -> bool:
      return caller.stop.reached(step // per_call) or session.read.alerted

    steps = loop.Steps(step, training.steps, per_call)
    for done in loop.calls(call, state, steps, session.read, session.hooks, should_stop):
      step, state, _ = done
      yield done
    session.wait()
  alerted = session.read.alerted and step < training.steps
  return Outcome(step, caller.stop.signal, alerted=alerted), state
