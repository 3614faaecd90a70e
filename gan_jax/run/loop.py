"""A run: steps, and at its intervals metrics, pictures and checkpoints."""

import contextlib
import dataclasses
import functools
import itertools
import pathlib
import signal
import time
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, NoReturn

import jax
import numpy as np

from gan_jax.common import console, files, rng
from gan_jax.common.errors import ConfigError, DivergedError, at
from gan_jax.common.types import MetricsLine, Plain, PyTree
from gan_jax.config import build, schema
from gan_jax.data import source as sources
from gan_jax.data.pipeline import prefetch
from gan_jax.game import Game
from gan_jax.run import alerts, best_checkpoint, in_loop_evaluation
from gan_jax.run.progress import Progress
from gan_jax.runtime import devices, processes, profiling
from gan_jax.storage import checkpoints, hardware, metrics_log, workdir
from gan_jax.training.state import Metrics, TrainState, averaged, init_state
from gan_jax.training.step import make_step
from gan_jax.training.update_schedule import UpdateSchedule
from gan_jax.visualization import inspection, page, snapshots

_PAUSES = ('sample_every', 'evaluate_every', 'checkpoint_every')
_NO_SCORES = ('step', 'time', 'card')


class Outcome(NamedTuple):
  """How a run ended: at which step, by which signal or alert if any, and whether it was done before."""

  step: int
  signal: signal.Signals | None
  was_finished: bool = False
  alerted: bool = False


@dataclasses.dataclass(frozen=True)
class Built:
  """What a config describes, ready to be trained."""

  game: Game
  play: UpdateSchedule
  source: sources.Source

  @functools.cached_property
  def begin(self) -> Callable[..., TrainState]:
    """(key, batch) -> the state before the first step; traced once, which takes seconds."""
    return jax.jit(functools.partial(init_state, self.game, self.play))


def assemble_run(config: Plain) -> Built:
  """Builds what a checked config describes; networks and data are tried on each other's shapes."""
  source = build.make_source(config)
  game = build.make_game(config)
  built = Built(game, build.make_update_schedule(config, game), source)
  with at('networks'):
    _check_shapes(config, built)
  return built


def initial_state(config: Plain, built: Built) -> TrainState:
  """The state before the first step."""
  batch = build.make_batch(config, built.source)
  return built.begin(rng.key_for(config['seed'], 'training'), batch)


def make_call(
  config: Plain, built: Built
) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """What a device does in one call of a run, see `step.make_step`."""
  source, count = built.source, config['steps_per_call']
  across = devices.GLOBAL_BATCH if build.is_global(config) else devices.PER_DEVICE
  return make_step(built.game, built.play, source.batch, across, count, config['scan_unroll'])


def _check_shapes(config: Plain, built: Built) -> None:
  """Raises ConfigError if the generator's samples are of another shape than the data."""
  keys = jax.random.split(jax.random.key(0), 2)
  state = jax.eval_shape(lambda: initial_state(config, built))
  made = jax.eval_shape(built.game.sample, state.variables, keys).shape[1:]
  real = jax.eval_shape(lambda: build.make_batch(config, built.source))['real'].shape[1:]
  if made != real:
    raise ConfigError(
      f'samples are of shape {made}, but the data is {real}; give both the same size and channels'
    )


def run(
  config: Plain, built: Built, folder: pathlib.Path, started: float, window: profiling.Window
) -> Outcome:
  """Trains in `folder`, going on from its newest checkpoint.

  Args:
    config: checked.
    built: of the config.
    folder: held by this process, see `workdir.locked`.
    started: time.perf_counter() when the program was started.
    window: the steps that are traced.

  Raises:
    ConfigError: the folder is past `steps`, or holds no checkpoint that is whole.
    DivergedError: a loss or gradient is not finite any more.
  """
  opened = checkpoints.opened(folder / workdir.CHECKPOINTS, config, config['keep_checkpoints'])
  # Inside, so that what is being saved is not waited for when another process is lost.
  with opened as kept, processes.guarded():
    state, step = _resumed(config, built, kept)
    if step >= config['steps']:
      final = devices.local(state)
      processes.on_primary(lambda: _leave_page(config, built, folder, step, final, anew=False))
      return Outcome(step, None, was_finished=True)
    with contextlib.ExitStack() as held:
      loop = _Loop(config, built, folder, kept, step, started, held)
      held.callback(window.close)
      processes.on_primary(lambda: _begin_folder(folder, config, step))
      outcome = loop.run(state, window)
      if outcome.step >= config['steps']:
        final = devices.local(loop.state)
        processes.on_primary(lambda: _leave_page(config, built, folder, outcome.step, final))
      elif outcome.alerted:
        processes.on_primary(lambda: page.write(folder))
      return outcome


def _begin_folder(folder: pathlib.Path, config: Plain, step: int) -> None:
  (folder / workdir.SAMPLES).mkdir(exist_ok=True)
  hardware.note(folder, step, console.warn)
  workdir.write_config(folder, config)


def _leave_page(
  config: Plain,
  built: Built,
  folder: pathlib.Path,
  step: int,
  state: TrainState,
  anew: bool = True,
) -> None:
  """Leaves the film and the page of a finished run; not `anew` only what a killed run owes."""
  if not anew and (folder / page.FILE).exists():
    return
  film = snapshots.animate(folder / workdir.SAMPLES)
  if film:
    files.write_atomic(folder / workdir.FILM, film)
  variables = averaged(state.variables, state.ema)
  subject = inspection.Subject(built.game, variables, step, schema.weights(config), config['seed'])
  inspection.save(folder, subject, built.source)
  page.write(folder)


def _resumed(config: Plain, built: Built, kept: checkpoints.Checkpoints) -> tuple[TrainState, int]:
  """The state to go on from on each device, where nothing else is held of it, and its step."""
  like = jax.eval_shape(lambda: initial_state(config, built))
  found = processes.together(
    lambda: kept.newest(console.warn if processes.is_primary() else lambda _: None)
  )
  processes.check_agreement(
    found and found[0],
    'the processes find checkpoints of different steps; --workdir must be a folder that all share',
  )
  if found is None:
    return devices.replicate(initial_state(config, built)), 0
  step, arrays = found
  if step > config['steps']:
    raise ConfigError(
      f'steps is {config["steps"]}, but {step} are done; set it to {step} or more, or choose another '
      '--workdir'
    )
  processes.on_primary(lambda: kept.set_aside(after=step))
  kept.reload()
  return devices.replicate(checkpoints.from_arrays(arrays, like)), step


def _looked_ahead(feeds: Iterator[PyTree]) -> tuple[PyTree, Iterator[PyTree]]:
  """The shapes and places of the first of what is fed, and all of it."""
  first = next(feeds)
  return devices.shape_structs(first), itertools.chain([first], feeds)


class _Loop:
  """The loop, and what it holds open until `held` lets go of it."""

  def __init__(self, config, built, folder, kept, step, started, held):
    self._config, self._built, self._folder, self._kept = config, built, folder, kept
    self._step, self._started = step, started
    self._images = config['batch_size'] * built.play.draws
    # A run that begins anew keeps nothing that an earlier try left of its first step.
    last = step if step else -1
    self._metrics = metrics_log.Metrics(folder, last) if processes.is_primary() else None
    self._progress = Progress(step, config['steps'], silent=not processes.is_primary())
    self._clock: tuple[int, float] | None = None
    self._origin: float | None = None
    self._draw = snapshots.drawer(config, built.game, built.source)
    self._pictures = snapshots.Saver(folder / workdir.SAMPLES)
    self._evaluate = in_loop_evaluation.in_loop_evaluator(config, built.game, built.source)
    self._best = None
    if self._evaluate and config['evaluate']['best']:
      spare = -(-config['checkpoint_every'] // config['evaluate_every'])
      self._best = best_checkpoint.BestCheckpoint(folder, config, last, spare)
    self._alerts = alerts.AlertLog(self._metrics.history if self._metrics else [], console.warn)
    self._alerted = False
    for closing in (self._metrics, self._progress, self._best, self._pictures):
      if closing:
        held.callback(closing.close)

  def run(self, state: TrainState, window: profiling.Window) -> Outcome:
    config = self._config
    program = devices.Program(make_call(config, self._built), options=config['compiler_options'])
    with self._feeds() as feeds:
      first, feeds = _looked_ahead(feeds)
      program.start_compiling(devices.shape_structs(state), first)
      self._show(state)
      return self._train(program, state, feeds, window)

  def _show(self, state: TrainState) -> None:
    """What there is to see before the first call."""
    if self._step == 0:
      self._picture(state)
    else:
      self._progress.say(f'goes on from step {self._step}')
    if self._evaluate:
      self._begin_scoring(state)

  def _train(
    self,
    program: devices.Program,
    state: TrainState,
    feeds: Iterator[PyTree],
    window: profiling.Window,
  ) -> Outcome:
    config, pending = self._config, None
    with processes.StopRequest() as stop:
      while self._step < config['steps']:
        window.before(self._step, state)
        with jax.profiler.StepTraceAnnotation('call', step_num=self._step):
          state, metrics = program(state, next(feeds))
        self._step += config['steps_per_call']
        window.after(self._step, state)
        # The devices are at work on this call while the host reads the metrics of the one before.
        if pending:
          self._read(*pending)
        pending = (self._step, metrics)
        stopping = stop.reached(self._step // config['steps_per_call']) or self._alerted
        if stopping or any(map(self._is_due, _PAUSES)):
          if self._is_due('checkpoint_every'):
            # No interval is said to be over before the checkpoint of the one before is whole.
            self._kept.wait()
          self._read(*pending)
          pending = None
          self._rest(state, stopping)
        if stopping:
          break
      self._pictures.wait()
      self._kept.wait()
    self.state = state
    return Outcome(self._step, stop.signal, alerted=self._alerted and self._step < config['steps'])

  @contextlib.contextmanager
  def _feeds(self) -> Generator[Iterator[PyTree]]:
    """What call after call reads from here on: the same each time, or a part of a stream."""
    config, source, draws = self._config, self._built.source, self._built.play.draws
    if source.read_batches is None:
      yield itertools.repeat(devices.shard_batch(source.arrays, config['batch_size']))
      return
    count, mine = config['steps_per_call'] * draws, devices.rows(config['batch_size']).reshape(-1)
    read = lambda first: sources.arrays_of(source, first, count, mine)
    # Two threads read faster than devices train, and hold few parts.
    with prefetch.mapped(read, self._step * draws, count, threads=2) as parts:
      yield devices.device_batches(parts, config['batch_size'])

  def _is_due(self, key: str) -> bool:
    every = self._config[key]
    return every > 0 and (self._step % every == 0 or self._step == self._config['steps'])

  def _read(self, step: int, metrics) -> None:
    """Waits for the metrics of the call that ended at `step`, checks all and logs the last."""
    values = devices.to_host(metrics)
    self._check_finite(step, values)
    now = time.perf_counter()
    if self._clock is None:
      self._progress.say(f'first step after {now - self._started:.1f} s, all compilation included')
      self._clock = (step, now)
      self._origin = now - (self._metrics.time if self._metrics else 0)
    self._progress.at(step)
    if step % self._config['log_every'] == 0 or step == self._config['steps']:
      new = self._metrics and self._log(step, now, {k: float(v[-1]) for k, v in values.items()})
      if self._config['on_alert'] == 'stop':
        self._alerted |= processes.decided(bool(new))

  def _log(self, step: int, now: float, values: dict[str, float]) -> bool:
    """Writes a line; whether it has an alert."""
    assert self._metrics and self._clock and self._origin is not None
    line: MetricsLine = {'step': step, 'time': round(now - self._origin, 3), **values}
    alerts = self._alerts.update(line)
    if alerts:
      line['alerts'] = alerts
    since, then = self._clock
    if step > since:
      rate = (step - since) / (now - then)
      line |= {'steps_per_second': rate, 'images_per_second': rate * self._images}
    self._clock = (step, now)
    self._metrics.write(line)
    self._progress.logged(line)
    return bool(alerts)

  def _check_finite(self, step: int, values: dict[str, np.ndarray]) -> None:
    order = [player.name for player in self._built.game.players]
    first = step - self._config['steps_per_call'] + 1
    bad = [
      (first + int(offset), order.index(player), metric != 'loss', metric, value[offset])
      for (player, metric), value in ((name.split('/', 1), v) for name, v in values.items())
      for offset in np.flatnonzero(~np.isfinite(value))
    ]
    if bad:
      at, player, _, metric, value = min(bad, key=lambda found: found[:4])
      self._diverged(at, f'{metric} of the {order[player]} is {value}')

  def _diverged(self, step: int, what: str) -> NoReturn:
    """Notes it, and ends the run."""
    saved = self._kept.steps()
    last = self._folder / workdir.CHECKPOINTS / str(saved[-1]) if saved else 'none'
    if self._metrics:
      alert = {'name': 'divergence', 'text': f'{what}; the run cannot go on'}
      self._metrics.write({'step': step, 'time': self._time(), 'alerts': [alert]})
      self._pictures.wait()
      page.write(self._folder)
    raise DivergedError(f'step {step}: {what}; last good checkpoint: {last}')

  def _rest(self, state: TrainState, stopping: bool) -> None:
    """What is due between two calls: last the checkpoint, which vouches for the others."""
    if self._is_due('sample_every'):
      self._picture(state)
    if self._is_due('evaluate_every'):
      self._note(self._scores_of(state), state)
    if stopping or self._is_due('checkpoint_every'):
      self._pictures.wait()
      self._kept.save(self._step, devices.local(state))

  def _picture(self, state: TrainState) -> None:
    """Draws the state; what is measured on the way is logged too."""
    if not self._metrics:
      return
    make, scores = self._draw(devices.local(state))
    self._pictures.save(self._step, make)
    if scores and self._step:
      card = in_loop_evaluation.modes_card(self._config, self._step)
      self._metrics.write({'step': self._step, 'time': self._time(), **scores, 'card': card})
      self._progress.scored(self._step, scores)

  def _begin_scoring(self, state: TrainState) -> None:
    """Scores at once, so that what cannot be scored is told now; says once by which protocol."""
    line = self._scores_of(state)
    self._progress.say(f'scores: {in_loop_evaluation.in_words(line["card"])}')
    if self._step == 0:
      self._note(line, state)

  def _scores_of(self, state: TrainState) -> MetricsLine:
    """In all processes."""
    assert self._evaluate
    try:
      return {'step': self._step, 'time': self._time(), **self._evaluate(state, self._step)}
    except DivergedError as error:
      self._diverged(self._step, str(error))

  def _note(self, line: MetricsLine, state: TrainState) -> None:
    """Logs scores, and keeps the state if it is the best; in all processes."""
    if self._best:
      self._best.maybe_save(self._metrics.history if self._metrics else [], line, state)
    if self._metrics:
      self._metrics.write(line)
      self._progress.scored(self._step, {k: v for k, v in line.items() if k not in _NO_SCORES})

  def _time(self) -> float:
    """Seconds of training so far."""
    return round(time.perf_counter() - self._origin, 3) if self._origin else 0.0
