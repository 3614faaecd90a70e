"""Trains many seeds and settings of experiments together, and compares them.

python -m gan_jax.study --config=experiments/gan.py:ring --config=experiments/wgan_gp.py:ring \\
  --seeds=10 --out=DIR [--sweep players.discriminator.learning_rate=1e-4,2e-4]
"""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Sequence

from absl import flags

from gan_jax import cli
from gan_jax.common import user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.runtime import accelerators, devices, environment, processes, vectorized_runs
from gan_jax.storage import workdir
from gan_jax.study import report, sweep
from gan_jax.study.member_run import Run
from gan_jax.study.runner import Estimate, StudyRunner, parts
from gan_jax.visualization.page import duration

_MOST_SEEDS = 10_000


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  flags.DEFINE_multi_string(
    'config', None, 'An experiment, FILE[:preset]; repeat for more.', flag_values=values
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
  cli.parse(values, argv, required=['config', 'out'])
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  flag = _flags(argv)
  if not 1 <= flag.seeds <= _MOST_SEEDS:
    raise ConfigError(f'--seeds is {flag.seeds}; it must be from 1 to {_MOST_SEEDS:,}')
  vectorized_runs.a_device_a_core(environment.cores())
  devices.prepare()
  accelerators.check()
  found = sweep.settings(flag.config, sweep.parse(flag.sweep))
  groups, out = sweep.grouped(found), user_paths.expanded(flag.out, '--out')
  _check_out(out)
  # What only asks leaves nothing behind.
  with contextlib.nullcontext() if flag.dry_run else workdir.locked(out):
    runs = {setting.label: _runs(setting, out, flag.seeds) for setting in found}
    left = _cohorts(groups, runs, out)
    seconds = _planned(left)
    if flag.dry_run:
      return 0
    (out / workdir.UNDER_WAY).mkdir(exist_ok=True)
    stopped = _train(left, seconds)
    if stopped:
      print(f'{stopped.name}: saved in {out}; the same command goes on from there')
      return 128 + signal.SIGINT if stopped == signal.SIGINT else 0
    every = [run for setting in found for run in runs[setting.label]]
    _tell(report.write(out, found, every), out)
  return 0


def _check_out(out: pathlib.Path) -> None:
  """Raises ConfigError if the folder is of something else: more than hidden files, and no study."""
  place = next(path for path in (out, *out.parents) if path.exists())
  if not place.is_dir() or not os.access(place, os.R_OK | os.W_OK):
    raise ConfigError(f'--out: cannot read and write in {place}; choose another folder')
  there = {path.name for path in out.glob('[!.]*')}
  if there and workdir.UNDER_WAY not in there:
    raise ConfigError(f'--out: {out} holds {min(there)}, and no study; choose another folder')


def _runs(setting: sweep.Setting, out: pathlib.Path, seeds: int) -> list[Run]:
  return [Run(setting, seed, out / setting.label / f'seed_{seed}') for seed in range(seeds)]


def _cohorts(groups: Sequence[sweep.CompiledGroup], runs, out: pathlib.Path) -> list[StudyRunner]:
  """What is still to be trained."""
  left = []
  for group in groups:
    own = [run for setting in group.settings for run in runs[setting.label]]
    done = sum(run.result() is not None for run in own)
    if done:
      print(f'{done} runs of {_named(group)} are done')
    left += [StudyRunner(group, part, out) for part in parts(own, out)]
  return left


def _named(group: sweep.CompiledGroup) -> str:
  first, *others = (setting.label for setting in group.settings)
  return f'{first} and {len(others)} more settings' if others else first


def _planned(cohorts: Sequence[StudyRunner]) -> list[float]:
  """Compiles all, says what each will take, and gives the seconds."""
  estimates: list[Estimate] = []
  for number, cohort in enumerate(cohorts, start=1):
    found = cohort.prepare()
    estimates.append(found)
    print(f'program {number} of {len(cohorts)}: {_in_words(cohort, found)}', flush=True)
  if len(cohorts) > 1:
    total = sum(found.training for found in estimates)
    most = max(found.bytes for found in estimates)
    print(
      f'in all about {duration(total)} of training, and {most / 1e6:,.0f} MB of the devices at once',
      flush=True,
    )
  return [found.training for found in estimates]


def _in_words(cohort: StudyRunner, found: Estimate) -> str:
  settings = list(dict.fromkeys(run.setting.label for run in cohort.runs))
  what = settings[0] + f' and {len(settings) - 1} more' * (len(settings) > 1)
  done = f' of which {cohort.done:,} are done' * bool(cohort.done)
  return (
    f'{what}, {len(cohort.runs)} runs of {cohort.steps:,} steps{done}, about '
    f'{duration(found.training)} of training, {found.bytes / 1e6:,.0f} MB of the devices '
    f'(compiled in {found.compiling:.1f} s)'
  )


def _train(cohorts: list[StudyRunner], seconds: list[float]) -> signal.Signals | None:
  """Trains one cohort after the other; the signal that stopped it, if one did."""
  with processes.StopRequest() as stop:
    for number, cohort in enumerate(cohorts):
      progress = _Progress(cohort, f'{number + 1}/{len(cohorts)}', sum(seconds[number + 1 :]))
      cohort.train(progress.told, lambda: stop.signal is not None)
      if stop.signal:
        return stop.signal
  return None


class _Progress:
  """Tells how a cohort goes."""

  def __init__(self, cohort: StudyRunner, place: str, after: float):
    """`after` is how many seconds the cohorts after it will take."""
    self._cohort, self._place, self._after = cohort, place, after
    self._began, self._done = time.perf_counter(), 0

  def told(self, step: int, more: int) -> None:
    """At `step`, `more` steps after the last time."""
    self._done += more
    rate = self._done / (time.perf_counter() - self._began)
    left = (self._cohort.steps - step) / rate + self._after
    print(
      f'program {self._place}  step {step}/{self._cohort.steps}  {rate * len(self._cohort.runs):,.0f} '
      f'steps/s of all runs  {duration(left)} left',
      flush=True,
    )


def _tell(table: str, out: pathlib.Path) -> None:
  print()
  print(table)
  print(f'page:   {out / report.PAGE}')
  print(f'folder: {out}')
