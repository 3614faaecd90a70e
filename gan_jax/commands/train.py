"""Trains the experiment of a config: python -m gan_jax.main --config=experiments/dcgan.py."""

import contextlib
import pathlib
import signal
from collections.abc import Sequence

from absl import flags
from ml_collections import config_flags

from gan_jax import cli
from gan_jax.common import console, files, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.config import run_config, schema
from gan_jax.config.run_config import RunConfig
from gan_jax.data import source as sources
from gan_jax.run import setup
from gan_jax.runtime import accelerators, devices, processes, profiling
from gan_jax.storage import workdir


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  config_flags.DEFINE_config_file('config', None, 'The experiment, FILE[:preset].', flag_values=values)
  flags.DEFINE_string(
    'workdir',
    None,
    'Folder of the run (default: runs/<experiment>, or runs/<experiment>_<preset>).',
    flag_values=values,
  )
  flags.DEFINE_string(
    'coordinator', None, 'host:port of process 0, if there are several.', flag_values=values
  )
  flags.DEFINE_integer('num_processes', None, 'Number of processes.', flag_values=values)
  flags.DEFINE_integer('process_id', None, 'Index of this process, from 0.', flag_values=values)
  flags.DEFINE_string(
    'profile',
    None,
    "STEP,COUNT: trace COUNT steps after step STEP, into the run's folder profile.",
    flag_values=values,
  )
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['config'])
  return values


def _experiment(flag: flags.FlagValues) -> tuple[pathlib.Path, str]:
  """The file and the preset that --config names."""
  file, _, preset = config_flags.get_config_filename(flag['config']).partition(':')
  return pathlib.Path(file), preset


def _folder(flag: flags.FlagValues) -> pathlib.Path:
  file, preset = _experiment(flag)
  name = f'{file.stem}_{preset}' if preset else file.stem
  return user_paths.expanded(flag.workdir or f'runs/{name}', '--workdir')


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  flag = _flags(argv)
  if not _experiment(flag)[0].is_file():
    raise ConfigError(f'--config: missing file {_experiment(flag)[0]} (FILE[:preset]); check the path')
  devices.prepare()
  processes.connect(flag.coordinator, flag.num_processes, flag.process_id)
  accelerators.check()
  with processes.guarded():
    if processes.is_primary():
      _print_devices()
    return _train(_config(flag), _folder(flag), flag.profile)


def _config(flag: flags.FlagValues) -> RunConfig:
  """The config of the flag, checked; the same in all processes."""
  config = schema.plain(flag.config)
  processes.check_agreement(
    config, 'the processes have different configs; start all with the same flags'
  )
  schema.check(config, devices.device_count())
  return run_config.parse(config)


def _train(config: RunConfig, folder: pathlib.Path, profile: str | None) -> int:
  window = profiling.window(profile, folder, config.training.last_call)
  with files.writing(folder), contextlib.ExitStack() as stack:
    processes.on_primary(lambda: stack.enter_context(workdir.locked(folder)))
    processes.check_agreement(
      workdir.holder(folder),
      'the processes see different folders; --workdir must be one that all share',
    )
    processes.together(lambda: workdir.check_same(folder, config.plain))
    built = processes.together(lambda: setup.assemble_run(config))
    _check_data(config, built.source, folder)
    outcome = setup.run(config, built, folder, cli.STARTED, window)
  if processes.is_primary():
    _print_outcome(outcome, config.training.steps, folder)
  if outcome.alerted:
    return console.ALERTED
  return 128 + signal.SIGINT if outcome.signal == signal.SIGINT else 0


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
  about = {'digest': digest, 'about': source.about}
  processes.on_primary(lambda: workdir.note_data(folder, config.plain, about))
  if processes.is_primary():
    print(f'data: {source.about}', flush=True)


def _print_outcome(outcome: setup.Outcome, steps: int, folder: pathlib.Path) -> None:
  done = f'{outcome.step} of {steps} steps'
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
