"""Trains many seeds and settings of experiments together, and compares them.

gan-jax study --config=gan:ring --config=wgan_gp:ring --seeds=10 --out=DIR \\
  [--sweep players.discriminator.learning_rate=1e-4,2e-4]
"""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Mapping, Sequence

from absl import flags

from gan_jax import cli
from gan_jax.common import user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.runtime import accelerators, devices, environment, processes, vectorized_runs
from gan_jax.storage import workdir
from gan_jax.study import report, runner, sweep
from gan_jax.study.member_run import Run
from gan_jax.study.runner import AssembledRuns, CompiledRuns
from gan_jax.visualization.page import duration

_MOST_SEEDS = 10_000


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  flags.DEFINE_multi_string(
    'config', None, f'{cli.EXPERIMENT_HELP} Repeat for more.', flag_values=values
  )
  flags.DEFINE_integer('seeds', 10, 'Seeds per setting, counted from 0.', flag_values=values)
  flags.DEFINE_multi_string(
    'sweep',
    [],
    'KEY=VALUE,VALUE,...: one setting per value, and per combination of values if repeated; '
    'KEY=VALUE sets it in all settings.',
    flag_values=values,
  )
  flags.DEFINE_string('out', None, 'Folder of the study.', flag_values=values)
  flags.DEFINE_bool(
    'dry_run', False, 'Print what would be trained and its cost, and exit.', flag_values=values
  )
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['config', 'out'])
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  flag = _flags(argv)
  if not 1 <= flag.seeds <= _MOST_SEEDS:
    raise ConfigError(f'--seeds={flag.seeds}: out of range (1 to {_MOST_SEEDS:,}); change it')
  vectorized_runs.use_one_device_per_core(environment.cores())
  devices.prepare()
  accelerators.check()
  settings = sweep.settings(flag.config, sweep.parse(flag.sweep))
  groups, out = sweep.grouped(settings), user_paths.expanded(flag.out, '--out')
  _check_out(out)
  # A dry run writes nothing.
  with contextlib.nullcontext() if flag.dry_run else workdir.locked(out):
    runs = {setting.label: _runs(setting, out, flag.seeds) for setting in settings}
    programs = _compiled(_assembled(groups, runs, out))
    if flag.dry_run:
      return 0
    (out / workdir.UNDER_WAY).mkdir(exist_ok=True)
    stopped = _train(programs)
    if stopped:
      print(f'{stopped.name}: saved in {out}; the same command resumes the study')
      return 128 + signal.SIGINT if stopped == signal.SIGINT else 0
    every = [run for setting in settings for run in runs[setting.label]]
    _print(report.write(out, settings, every), out)
  return 0


def _check_out(out: pathlib.Path) -> None:
  """Raises ConfigError if the folder holds something else: more than hidden files, and no study."""
  existing = next(path for path in (out, *out.parents) if path.exists())
  if not existing.is_dir() or not os.access(existing, os.R_OK | os.W_OK):
    raise ConfigError(f'--out: cannot read and write in {existing}; choose another folder')
  names = {path.name for path in out.glob('[!.]*')}
  if names and workdir.UNDER_WAY not in names:
    raise ConfigError(f'--out: {out} holds {min(names)}, and no study; choose another folder')


def _runs(setting: sweep.Setting, out: pathlib.Path, seeds: int) -> list[Run]:
  return [Run(setting, seed, out / setting.label / f'seed_{seed}') for seed in range(seeds)]


def _assembled(
  groups: Sequence[sweep.CompiledGroup], runs: Mapping[str, Sequence[Run]], out: pathlib.Path
) -> list[AssembledRuns]:
  """The runs that are still to be trained, by program."""
  assembled = []
  for group in groups:
    runs_of_group = [run for setting in group.settings for run in runs[setting.label]]
    done = sum(run.result() is not None for run in runs_of_group)
    if done:
      print(f'{done} runs of {_named(group)} are done')
    assembled += [runner.assemble(group, rest, out) for rest in runner.remaining(runs_of_group, out)]
  return assembled


def _named(group: sweep.CompiledGroup) -> str:
  first, *others = (setting.label for setting in group.settings)
  return f'{first} and {len(others)} more' if others else first


def _compiled(programs: Sequence[AssembledRuns]) -> list[CompiledRuns]:
  """Compiles all programs, and prints what each will take."""
  compiled = []
  for number, assembled in enumerate(programs, start=1):
    program = runner.compile_runs(assembled)
    compiled.append(program)
    print(f'program {number} of {len(programs)}: {_summary(program)}', flush=True)
  if len(compiled) > 1:
    total = sum(program.estimate.training for program in compiled)
    most = max(program.estimate.bytes for program in compiled)
    print(
      f'in all about {duration(total)} of training, and {most / 1e6:,.0f} MB of the devices at once',
      flush=True,
    )
  return compiled


def _summary(program: CompiledRuns) -> str:
  assembled, estimate = program.assembled, program.estimate
  first, *others = dict.fromkeys(run.setting.label for run in assembled.runs)
  more = f' and {len(others)} more' if others else ''
  done = f' of which {assembled.done:,} are done' if assembled.done else ''
  return (
    f'{first}{more}, {len(assembled.runs)} runs of {assembled.steps:,} steps{done}, about '
    f'{duration(estimate.training)} of training, {estimate.bytes / 1e6:,.0f} MB of the devices '
    f'(compiled in {estimate.compiling:.1f} s)'
  )


def _train(programs: Sequence[CompiledRuns]) -> signal.Signals | None:
  """Trains one program after the other; returns the signal that stopped it, if one did."""
  with processes.StopRequest() as stop:
    for index, program in enumerate(programs):
      after = sum(later.estimate.training for later in programs[index + 1 :])
      progress = _Progress(program.assembled, f'{index + 1}/{len(programs)}', after)
      runner.train(program, progress.update, lambda: stop.signal is not None)
      if stop.signal:
        return stop.signal
  return None


class _Progress:
  """Prints the progress of a program."""

  def __init__(self, assembled: AssembledRuns, number: str, after: float):
    """Starts a program, '1/2'; the programs that follow will take `after` seconds."""
    self._steps = assembled.steps
    self._runs = len(assembled.runs)
    self._number = number
    self._after = after
    self._began = time.perf_counter()
    self._done = 0

  def update(self, step: int, more: int) -> None:
    """Prints the speed at `step`, `more` steps after the last time."""
    self._done += more
    rate = self._done / (time.perf_counter() - self._began)
    seconds = (self._steps - step) / rate + self._after
    print(
      f'program {self._number}  step {step}/{self._steps}  {rate * self._runs:,.0f} '
      f'steps/s of all runs  {duration(round(seconds))} left',
      flush=True,
    )


def _print(table: str, out: pathlib.Path) -> None:
  print()
  print(table)
  print(f'page:   {out / report.PAGE}')
  print(f'folder: {out}')
