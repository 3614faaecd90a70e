"""Training from Python; the command `train` uses the same `Trainer`."""

import contextlib
import functools
import os
import pathlib
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from gan_jax.api.configs import load_config
from gan_jax.api.run import Run
from gan_jax.common import console, files, notebook, user_paths
from gan_jax.config import run_config, schema
from gan_jax.config.run_config import RunConfig
from gan_jax.data import source as sources
from gan_jax.game import Game
from gan_jax.run import callbacks, setup
from gan_jax.run.callbacks import Callback, Snapshot
from gan_jax.runtime import accelerators, devices, jax_settings, processes, profiling
from gan_jax.storage import batch_file, wandb_log
from gan_jax.storage import workdir as run_folder
from gan_jax.training.state import Metrics, TrainState


class Trainer:
  """Trains a run step by step, in a loop of the caller.

  The run has everything that a run of the command has: checkpoints, pictures, metrics, evaluation. A
  loop that ends early saves a checkpoint, from which the next loop over this trainer continues.

  Example:
    >>> import gan_jax
    >>> trainer = gan_jax.Trainer('gan:ring-test', 'runs/ring')
    device: ...
    >>> losses = []
    >>> for step, metrics in trainer:
    ...   losses.append(metrics['generator/loss'])
    first step after ...
    >>> step, len(losses), trainer.snapshot.sample(3).shape
    (8, 4, (3, 2))

  Attributes:
    folder: the folder of the run.
    game: the game that is trained.
    snapshot: the run at the last step of the loop; None before.
    outcome: how the last loop ended; None before.
  """

  def __init__(
    self,
    config: ConfigDict | str,
    workdir: str | os.PathLike | None = None,
    *,
    callbacks: Iterable[tuple[int, Any]] = (),
    profile: str | None = None,
    wandb: str | None = None,
    started: float | None = None,
  ):
    """Checks the config and builds the game and its data; see `train` for the arguments.

    Raises:
      ConfigError: an argument that cannot be used.
    """
    if wandb:
      wandb_log.check(wandb)
    started = time.perf_counter() if started is None else started
    self._config, self._built, self.folder = _prepared(config, workdir)
    window = profiling.window(profile, self.folder, self._config.training.last_call)
    self.game: Game = self._built.game
    self.outcome: setup.Outcome | None = None
    self.snapshot: Snapshot | None = None
    self._stop = processes.StopRequest()
    chosen = _callbacks(callbacks, self._config, self.folder)
    self._caller = setup.Caller(started, window, chosen, self._stop, wandb)

  def __iter__(self) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Yields after each call of the program: the steps done, and the metrics of the last of them.

    Reading a metric waits for the devices; a loop that reads none keeps them busy.
    """
    running = self._calls()
    try:
      while True:
        with jax_settings.fixed(), self._stop:
          done = next(running, None)
        if done is None:
          return
        step, state, metrics = done
        self.snapshot = Snapshot(step, self.game, state, setup.run_data(self._config, self._built))
        yield step, _LastStep(metrics)
    finally:
      with jax_settings.fixed():
        running.close()

  def finish(self) -> Run:
    """Trains to the end, or until a signal or an alert stops the run, and returns the run."""
    with jax_settings.fixed(), self._stop:
      for _ in self._calls():
        pass
    return Run(self.folder)

  def _calls(self) -> Generator[tuple[int, TrainState, Metrics]]:
    calls = _locked_calls(self._config, self._built, self.folder, self._caller)
    self.outcome = yield from calls


def _prepared(
  config: ConfigDict | str, workdir: str | os.PathLike | None
) -> tuple[RunConfig, setup.Built, pathlib.Path]:
  """Returns a config, what it describes, and the folder of its run, after all checks."""
  with jax_settings.fixed():
    accelerators.check()
    if processes.is_primary():
      _print_devices()
    parsed, folder = _checked(load_config(config)), _folder(workdir)
    setup.check_values(parsed)
    processes.on_primary(lambda: _check_folder(folder, parsed))
    return parsed, processes.together(lambda: setup.assemble_run(parsed)), folder


def _locked_calls(
  config: RunConfig, built: setup.Built, folder: pathlib.Path, caller: setup.Caller
) -> Generator[tuple[int, TrainState, Metrics], None, setup.Outcome]:
  """Trains in a folder that is locked meanwhile, see `setup.calls`."""
  with files.writing(folder), contextlib.ExitStack() as stack:
    processes.on_primary(lambda: stack.enter_context(run_folder.locked(folder)))
    processes.check_agreement(
      run_folder.holder(folder),
      'the processes see different folders; --workdir must be one that all share',
    )
    processes.together(lambda: run_folder.check_same(folder, config.plain))
    _check_data(config, built.source, folder)
    processes.on_primary(lambda: batch_file.write(folder, built.game, built.source))
    return (yield from setup.calls(config, built, folder, caller))


def _check_folder(folder: pathlib.Path, config: RunConfig) -> None:
  """Raises ConfigError if the folder is in use, or has another run; before data is read."""
  with run_folder.locked(folder):
    run_folder.check_same(folder, config.plain)


def _callbacks(
  given: Iterable[tuple[int, Any]], config: RunConfig, folder: pathlib.Path
) -> tuple[Callback, ...]:
  """Returns the callbacks of the user, and in a notebook one that shows the newest picture."""
  chosen = callbacks.check(given, config.training.steps_per_call)
  if not notebook.is_running():
    return chosen
  show = functools.partial(_show_newest, folder / run_folder.SAMPLES, notebook.Cell())
  return (*chosen, Callback(config.logging.log_every, show))


class _LastStep(Mapping[str, float]):
  """The metrics of the last step of a call, read from the devices when they are first asked for."""

  def __init__(self, metrics: Metrics):
    self._metrics = metrics

  @functools.cached_property
  def _values(self) -> Mapping[str, float]:
    return {name: float(values[-1]) for name, values in devices.to_host(self._metrics).items()}

  def __getitem__(self, name: str) -> float:
    return self._values[name]

  def __iter__(self) -> Iterator[str]:
    return iter(self._metrics)

  def __len__(self) -> int:
    return len(self._metrics)

  def __repr__(self) -> str:
    return repr(self._values)


def train(
  config: ConfigDict | str,
  workdir: str | os.PathLike | None = None,
  *,
  callbacks: Iterable[tuple[int, Any]] = (),
  profile: str | None = None,
  wandb: str | None = None,
) -> Run:
  """Trains a config in a folder, and returns the run.

  If the folder has a run of this config, training resumes from its last checkpoint. In a notebook, the
  samples appear in the cell. The stop button, or Ctrl-C in a terminal, saves a checkpoint and ends the
  training. A second one ends it at once.

  Args:
    config: from `load_config`, or what it accepts.
    workdir: the folder of the run. Without one it is a new folder for temporary files.
    callbacks: pairs (every, function): the function is called with a `Snapshot` of the run at multiples
      of `every` steps and after the last step.
    profile: 'STEP,COUNT': traces COUNT steps after step STEP into the folder `profile` of the run.
    wandb: a project in Weights & Biases that gets the metrics and pictures too.

  Raises:
    ConfigError: the config cannot be trained, or the folder has another run.
    DivergedError: a loss or a gradient is not finite any more.
    WriteError: the disk is full or read-only.

  Example:
    >>> import gan_jax
    >>> run = gan_jax.train('gan:ring-test', 'runs/ring')
    device: ...
    >>> run.step
    8
  """
  trainer = Trainer(config, workdir, callbacks=callbacks, profile=profile, wandb=wandb)
  run = trainer.finish()
  if processes.is_primary() and trainer.outcome:
    print(summary(trainer.outcome, trainer.folder), flush=True)
  return run


def summary(outcome: setup.Outcome, folder: pathlib.Path) -> str:
  """Returns a line that says how a training ended, and what to do if it has not reached its end."""
  reason = outcome.signal.name if outcome.signal else 'stopped on an alert' if outcome.alerted else ''
  if reason:
    return f'{reason}: saved {folder} at step {outcome.step}; train it again to resume'
  return f'{folder}: {outcome.step} steps are done'


def _checked(config: ConfigDict) -> RunConfig:
  """Returns the parts of a config, checked; it is the same in all processes."""
  plain = schema.plain(config)
  processes.check_agreement(
    plain, 'the processes have different configs; start all with the same flags'
  )
  schema.check(plain, devices.device_count())
  return run_config.parse(plain)


def _folder(workdir: str | os.PathLike | None) -> pathlib.Path:
  if workdir is not None:
    return user_paths.expanded(os.fspath(workdir), 'workdir')
  folder = pathlib.Path(tempfile.mkdtemp(prefix='gan_jax_'))
  print(f'folder: {folder}, for temporary files (workdir=FOLDER keeps the run)', flush=True)
  return folder


def _print_devices() -> None:
  print(f'device: {accelerators.in_words()}', flush=True)
  hint = accelerators.hint()
  if hint:
    console.warn(hint)


def _check_data(config: RunConfig, source: sources.Source, folder: pathlib.Path) -> None:
  """Checks that all processes have the same data, and that a run goes on with its first data."""
  processes.check_agreement(
    source.read_batches is None,
    'the data fits into the memory of some processes only; say where it lies with --config.placement',
  )
  digest = sources.digest(source)
  if not digest:
    return
  processes.check_agreement(digest, 'the processes have different data of the same name')
  about: dict[str, Any] = {'digest': digest, 'about': source.about}
  if source.classes:
    about['classes'] = list(source.classes)
  processes.on_primary(lambda: run_folder.note_data(folder, config.plain, about))
  if processes.is_primary():
    print(f'data: {source.about}', flush=True)
    if source.classes:
      print(f'labels: {_in_words(source.classes)}', flush=True)


def _in_words(classes: Sequence[str]) -> str:
  """Returns the numbers and the names of the first labels."""
  shown = ', '.join(f'{number} {name}' for number, name in enumerate(classes[:_LABELS]))
  return f'{shown}, ... ({len(classes)} in all)' if len(classes) > _LABELS else shown


_LABELS = 10
"""The number of labels whose names are printed."""


def _show_newest(folder: pathlib.Path, cell: notebook.Cell, snapshot: Snapshot) -> None:
  """Shows the newest picture of a run in the cell of a notebook."""
  pictures = sorted(folder.glob('step_*.png'))
  if pictures:
    cell.show(pictures[-1].read_bytes())
