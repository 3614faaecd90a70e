"""Trains an experiment: gan-jax train --config=dcgan."""

import inspect
import json
import pathlib
import signal
from collections.abc import Sequence

from absl import flags

from gan_jax import cli
from gan_jax.api.training import Trainer
from gan_jax.common import console, user_paths
from gan_jax.config import experiments, overrides, presets, schema
from gan_jax.run import setup
from gan_jax.runtime import accelerators, devices, processes
from gan_jax.storage import wandb_log, workdir


def _usage() -> str:
  """Returns the help of the command: the experiments, the words of presets, and the keys."""
  _, _, keys = (inspect.getdoc(schema.default) or '').partition('Keys:\n')
  return '\n\n'.join(
    [
      __doc__,
      f'Experiments (gan-jax list describes them): {", ".join(experiments.shipped())}',
      f"Presets, words joined by '-': {', '.join(presets.WORDS)}",
      f'Keys, for --config.KEY=VALUE (--print_config shows their values):\n\n{keys}',
    ]
  )


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(_usage())
  cli.define_config_flag(values)
  flags.DEFINE_bool(
    'print_config', False, 'Print the config with all keys, as JSON, and exit.', flag_values=values
  )
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
  flags.DEFINE_string(
    'wandb', None, 'Project in Weights & Biases that also gets the metrics.', flag_values=values
  )
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['config'])
  return values


def _folder(flag: flags.FlagValues) -> pathlib.Path:
  file, preset = overrides.experiment_of(flag['config'])
  name = f'{file.stem}_{preset}' if preset else file.stem
  return user_paths.expanded(flag.workdir or f'runs/{name}', '--workdir')


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  flag = _flags(argv)
  if flag.print_config:
    config = schema.plain(flag.config)
    schema.check(config, devices=1)
    print(json.dumps(config, indent=2))
    return 0
  if flag.wandb:
    wandb_log.check(flag.wandb)
  devices.prepare()
  processes.connect(flag.coordinator, flag.num_processes, flag.process_id)
  accelerators.check()
  with processes.guarded():
    return _train(flag)


def _train(flag: flags.FlagValues) -> int:
  trainer = Trainer(
    flag.config, _folder(flag), profile=flag.profile, wandb=flag.wandb, started=cli.STARTED
  )
  trainer.finish()
  outcome = trainer.outcome
  assert outcome, 'the trainer has finished'
  if processes.is_primary():
    _print_outcome(outcome, flag.config.steps, trainer.folder)
  if outcome.alerted:
    return console.ALERTED
  return 128 + signal.SIGINT if outcome.signal == signal.SIGINT else 0


def _print_outcome(outcome: setup.Outcome, steps: int, folder: pathlib.Path) -> None:
  done = f'{outcome.step} of {steps} steps'
  if outcome.signal:
    print(f'{outcome.signal.name}: saved {folder} at {done}; the same command resumes the run')
    return
  if outcome.alerted:
    print(f'stopped on an alert: saved {folder} at {done}; the same command resumes the run')
    return
  if outcome.was_finished:
    print(f'finished before: {done}; a larger --config.steps goes on, unless a schedule depends on it')
  pictures = sorted((folder / workdir.SAMPLES).glob('step_*.png'))
  print(f'picture: {pictures[-1] if pictures else "none"}')
  print(f'folder:  {folder}')
