"""Trains what a config describes: python -m gan_jax.main --config=experiments/dcgan.py."""

import time

STARTED = time.perf_counter()

from gan_jax import cli, environment

if __name__ == '__main__':
  environment.prepare()
  cli.end_on_interrupt()

import contextlib
import pathlib
import signal

from absl import flags
from ml_collections import config_flags

from gan_jax import accelerators, data, homes, loop, parallel, processes, profiling, workdir
from gan_jax import config as configs
from gan_jax.errors import ConfigError

_CONFIG = config_flags.DEFINE_config_file('config', None, 'The experiment, FILE[:preset].')
_WORKDIR = flags.DEFINE_string(
  'workdir',
  None,
  'Where the run lives; by default runs/<experiment>, or runs/<experiment>_<preset>.',
)
_COORDINATOR = flags.DEFINE_string('coordinator', None, 'host:port of process 0, of several.')
_NUM_PROCESSES = flags.DEFINE_integer('num_processes', None, 'How many processes there are.')
_PROCESS_ID = flags.DEFINE_integer('process_id', None, 'Which one this is, from 0.')
_PROFILE = flags.DEFINE_string(
  'profile', None, 'STEP,COUNT: after STEP steps COUNT are traced, into the folder profile of the run.'
)
flags.mark_flag_as_required('config')


def _experiment() -> tuple[pathlib.Path, str]:
  """The file and the preset that --config names."""
  file, _, preset = config_flags.get_config_filename(flags.FLAGS['config']).partition(':')
  return pathlib.Path(file), preset


def _folder() -> pathlib.Path:
  file, preset = _experiment()
  name = f'{file.stem}_{preset}' if preset else file.stem
  return homes.expanded(_WORKDIR.value or f'runs/{name}', '--workdir')


def main() -> int:
  """Runs the command; the exit code."""
  if not _experiment()[0].is_file():
    raise ConfigError(f'--config: there is no file {_experiment()[0]}')
  parallel.prepare()
  processes.connect(_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
  accelerators.check()
  with processes.guarded():
    return _train()


def _train() -> int:
  config = configs.plain(_CONFIG.value)
  if processes.is_primary():
    _tell_devices()
  processes.check_agreement(
    config, 'the processes have different configs; start all with the same flags'
  )
  configs.check(config, parallel.device_count())
  folder = _folder()
  window = profiling.window(_PROFILE.value, folder, config)
  with workdir.writing(folder), contextlib.ExitStack() as held:
    processes.on_primary(lambda: held.enter_context(workdir.held(folder)))
    processes.check_agreement(
      workdir.holder(folder),
      'the processes see different folders; --workdir must be one that all share',
    )
    processes.together(lambda: workdir.check_same(folder, config))
    built = processes.together(lambda: loop.assemble(config))
    _check_data(config, built.source, folder)
    outcome = loop.run(config, built, folder, STARTED, window)
  if processes.is_primary():
    _tell(outcome, config, folder)
  if outcome.alerted:
    return cli.ALERTED
  return 128 + signal.SIGINT if outcome.signal == signal.SIGINT else 0


def _tell_devices() -> None:
  print(f'device: {accelerators.in_words()}', flush=True)
  hint = accelerators.hint()
  if hint:
    cli.warn(hint)


def _check_data(config: configs.Plain, source: data.Source, folder: pathlib.Path) -> None:
  """Sees that all processes have the same data, and that a run goes on with what it began with."""
  processes.check_agreement(
    source.part is None,
    'the data fits into the memory of some processes only; say where it lies with --config.placement',
  )
  digest = data.digest(source)
  if not digest:
    return
  processes.check_agreement(digest, 'the processes have different data of the same name')
  about = {'digest': digest, 'about': source.about}
  processes.on_primary(lambda: workdir.note_data(folder, config, about))
  if processes.is_primary():
    print(f'data: {source.about}', flush=True)


def _tell(outcome: loop.Outcome, config: configs.Plain, folder: pathlib.Path) -> None:
  done = f'{outcome.step} of {config["steps"]} steps'
  if outcome.signal:
    print(f'{outcome.signal.name}: saved {folder} at {done}; the same command goes on from there')
    return
  if outcome.alerted:
    print(f'stopped on an alert: saved {folder} at {done}; the same command goes on from there')
    return
  if outcome.was_finished:
    print(f'finished before: {done}; a larger --config.steps goes on, unless a schedule depends on it')
  pictures = sorted((folder / workdir.SAMPLES).glob('step_*.png'))
  print(f'picture: {pictures[-1] if pictures else "none"}')
  print(f'folder:  {folder}')


if __name__ == '__main__':
  cli.run(main)
