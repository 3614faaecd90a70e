"""A run: steps, and at its intervals metrics, pictures and checkpoints."""

import functools
import pathlib
import signal
import time
from typing import NamedTuple

import jax
import numpy as np

from gan_jax import build, checkpoints, cli, drawing, latents, parallel, pictures, workdir
from gan_jax.config import Plain
from gan_jax.errors import ConfigError, DivergedError
from gan_jax.game import Game
from gan_jax.progress import Progress
from gan_jax.train import Play, TrainState, init_state, make_step


class Outcome(NamedTuple):
  """How a run ended: at which step, by which signal if any, and whether it was done before."""

  step: int
  signal: signal.Signals | None
  was_finished: bool


class Built(NamedTuple):
  """What a config describes, ready to be trained."""

  game: Game
  play: Play
  source: build.data.Source


def assemble(config: Plain) -> Built:
  """Builds what a checked config describes; networks and data are tried on each other's shapes."""
  source = build.source(config)
  game = build.game(config)
  built = Built(game, build.play(config, game), source)
  with build.at('networks'):
    _check_shapes(config, built)
  return built


def start(config: Plain, built: Built) -> TrainState:
  """The state before the first step."""
  batch = build.first_batch(config, built.source)
  begin = jax.jit(functools.partial(init_state, built.game, built.play))
  return begin(latents.stream(config['seed'], 'training'), batch)


def _check_shapes(config: Plain, built: Built) -> None:
  """Raises ConfigError if the generator's samples are of another shape than the data."""
  keys = jax.random.split(jax.random.key(0), 2)
  state = jax.eval_shape(lambda: start(config, built))
  made = jax.eval_shape(built.game.sample, state.variables, keys).shape[1:]
  real = jax.eval_shape(lambda: build.first_batch(config, built.source))['real'].shape[1:]
  if made != real:
    raise ConfigError(
      f'samples are of shape {made}, but the data is {real}; give both the same size and channels'
    )


def run(config: Plain, built: Built, folder: pathlib.Path, started: float) -> Outcome:
  """Trains in `folder`, going on from its newest checkpoint.

  Args:
    config: checked.
    built: of the config.
    folder: held by this process, see `workdir.held`.
    started: time.perf_counter() when the program was started.

  Raises:
    ConfigError: the folder is past `steps`, or holds no checkpoint that is whole.
    DivergedError: a loss or gradient is not finite any more.
  """
  with checkpoints.opened(folder / workdir.CHECKPOINTS, config['keep']) as kept:
    state, step = _resumed(config, built, kept)
    if step >= config['steps']:
      return Outcome(step, None, was_finished=True)
    parallel.on_primary(lambda: workdir.write_config(folder, config))
    loop = _Loop(config, built, folder, kept, step, started)
    try:
      return loop.run(state)
    finally:
      loop.close()


def _resumed(config: Plain, built: Built, kept: checkpoints.Checkpoints) -> tuple[TrainState, int]:
  like = jax.eval_shape(lambda: start(config, built))
  found = parallel.together(lambda: kept.newest(cli.warn if parallel.is_primary() else lambda _: None))
  parallel.check_agreement(
    found and found[0],
    'the processes find checkpoints of different steps; --workdir must be a folder that all share',
  )
  if found is None:
    return start(config, built), 0
  step, arrays = found
  if step > config['steps']:
    raise ConfigError(
      f'steps is {config["steps"]}, but {step} are done; set it to {step} or more, or choose another '
      '--workdir'
    )
  parallel.on_primary(lambda: kept.set_aside(after=step))
  kept.reload()
  return checkpoints.from_arrays(arrays, like), step


class _Loop:
  """The loop, and what it holds open."""

  def __init__(self, config, built, folder, kept, step, started):
    self._config, self._built, self._folder, self._kept = config, built, folder, kept
    self._step, self._started = step, started
    self._images = config['batch_size'] * built.play.draws
    self._metrics = workdir.Metrics(folder, step) if parallel.is_primary() else None
    self._progress = Progress(step, config['steps'], silent=not parallel.is_primary())
    self._clock = self._origin = None
    self._draw = pictures.drawer(config, built.game, built.source)

  def close(self):
    if self._metrics:
      self._metrics.close()
    self._progress.close()

  def run(self, state: TrainState) -> Outcome:
    built, config = self._built, self._config
    call = parallel.on_devices(
      make_step(built.game, built.play, built.source.batch, parallel.ACROSS, config['steps_per_call'])
    )
    feed = parallel.feed(built.source.arrays, config['batch_size'])
    state = parallel.replicate(state)
    if self._step == 0:
      self._picture(state)
    pending = None
    with parallel.StopRequest() as stop:
      while self._step < config['steps']:
        state, metrics = call(state, feed)
        self._step += config['steps_per_call']
        # The devices are at work on this call while the host reads the metrics of the one before.
        if pending:
          self._read(*pending)
        pending = (self._step, metrics)
        stopping = stop.reached(self._step // config['steps_per_call'])
        if stopping or self._is_due('sample_every') or self._is_due('checkpoint_every'):
          self._read(*pending)
          pending = None
          self._rest(state, stopping)
        if stopping:
          break
      self._kept.wait()
    if self._metrics and self._step >= config['steps']:
      self._animate()
    return Outcome(self._step, stop.signal, was_finished=False)

  def _is_due(self, key: str) -> bool:
    return self._step % self._config[key] == 0 or self._step == self._config['steps']

  def _read(self, step: int, metrics) -> None:
    """Waits for the metrics of the call that ended at `step`, checks all and logs the last."""
    values = parallel.to_host(metrics)
    self._check_finite(step, values)
    now = time.perf_counter()
    if self._clock is None:
      self._progress.say(f'first step after {now - self._started:.1f} s, compilation included')
      self._clock = (step, now)
      self._origin = now - (self._metrics.time if self._metrics else 0)
    self._progress.at(step)
    if self._metrics and (step % self._config['log_every'] == 0 or step == self._config['steps']):
      self._log(step, now, {name: float(value[-1]) for name, value in values.items()})

  def _log(self, step: int, now: float, values: dict[str, float]) -> None:
    line = {'step': step, 'time': round(now - self._origin, 3), **values}
    since, then = self._clock
    if step > since:
      rate = (step - since) / (now - then)
      line |= {'steps_per_second': rate, 'images_per_second': rate * self._images}
    self._clock = (step, now)
    self._metrics.write(line)
    self._progress.logged(line)

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
      saved = self._kept.steps()
      last = self._folder / workdir.CHECKPOINTS / str(saved[-1]) if saved else 'none'
      raise DivergedError(
        f'step {at}: {metric} of the {order[player]} is {value}; last good checkpoint: {last}'
      )

  def _rest(self, state: TrainState, stopping: bool) -> None:
    """What is due between two calls: first the picture, then the checkpoint, which vouches for it."""
    if self._is_due('sample_every'):
      self._picture(state)
    if stopping or self._is_due('checkpoint_every'):
      self._kept.save(self._step, parallel.local(state))

  def _picture(self, state: TrainState) -> None:
    """Draws the state; what is measured on the way is logged too."""
    if not parallel.is_primary():
      return
    picture, scores = self._draw(parallel.local(state))
    drawing.save_png(self._folder / workdir.SAMPLES / f'step_{self._step:08}.png', picture)
    if scores and self._step:
      self._metrics.write({'step': self._step, 'time': round(self._time(), 3), **scores})
      self._progress.scored(self._step, scores)

  def _animate(self) -> None:
    film = pictures.animate(self._folder / workdir.SAMPLES)
    if film:
      workdir.write_whole(self._folder / workdir.FILM, film)

  def _time(self) -> float:
    """Seconds of training so far."""
    return time.perf_counter() - self._origin
