"""Trains many seeds and settings of experiments together, and compares them.

python -m gan_jax.study --config=experiments/gan.py:ring --config=experiments/wgan_gp.py:ring \\
  --seeds=10 --out=DIR [--sweep players.discriminator.learning_rate=1e-4,2e-4]
"""

from gan_jax import cli, environment

if __name__ == '__main__':
  environment.prepare()
  cli.end_on_interrupt()

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Sequence

from absl import flags

from gan_jax import accelerators, ensemble, homes, parallel, processes, study_report, sweep, workdir
from gan_jax.cohort import Cohort, Estimate, parts
from gan_jax.errors import ConfigError
from gan_jax.member import Run
from gan_jax.page import duration

_CONFIGS = flags.DEFINE_multi_string(
  'config', None, 'An experiment, FILE[:preset]; again for more.', required=True
)
_SEEDS = flags.DEFINE_integer('seeds', 10, 'How many of each setting, from seed 0.')
_SWEEP = flags.DEFINE_multi_string(
  'sweep',
  [],
  'KEY=VALUE,VALUE,...: every setting with each of these, and with every combination of those of '
  'several; KEY=VALUE alone sets it in all.',
)
_OUT = flags.DEFINE_string('out', None, 'The folder of the study.', required=True)
_DRY = flags.DEFINE_bool('dry_run', False, 'Say what would be trained and what it takes, and end.')

_MOST_SEEDS = 10_000


def main() -> int:
  """Runs the command; the exit code."""
  if not 1 <= _SEEDS.value <= _MOST_SEEDS:
    raise ConfigError(f'--seeds is {_SEEDS.value}; it must be from 1 to {_MOST_SEEDS:,}')
  ensemble.a_device_a_core(environment.cores())
  parallel.prepare()
  accelerators.check()
  found = sweep.settings(_CONFIGS.value, sweep.parse(_SWEEP.value))
  groups, out = sweep.grouped(found), homes.expanded(_OUT.value, '--out')
  _check_out(out)
  # What only asks leaves nothing behind.
  with contextlib.nullcontext() if _DRY.value else workdir.held(out):
    runs = {setting.label: _runs(setting, out) for setting in found}
    left = _cohorts(groups, runs, out)
    seconds = _planned(left)
    if _DRY.value:
      return 0
    (out / workdir.UNDER_WAY).mkdir(exist_ok=True)
    stopped = _train(left, seconds)
    if stopped:
      print(f'{stopped.name}: saved in {out}; the same command goes on from there')
      return 128 + signal.SIGINT if stopped == signal.SIGINT else 0
    every = [run for setting in found for run in runs[setting.label]]
    _tell(study_report.write(out, found, every), out)
  return 0


def _check_out(out: pathlib.Path) -> None:
  """Raises ConfigError if the folder is of something else: more than hidden files, and no study."""
  place = next(path for path in (out, *out.parents) if path.exists())
  if not place.is_dir() or not os.access(place, os.R_OK | os.W_OK):
    raise ConfigError(f'--out: cannot read and write in {place}; choose another folder')
  there = {path.name for path in out.glob('[!.]*')}
  if there and workdir.UNDER_WAY not in there:
    raise ConfigError(f'--out: {out} holds {min(there)}, and no study; choose another folder')


def _runs(setting: sweep.Setting, out: pathlib.Path) -> list[Run]:
  return [Run(setting, seed, out / setting.label / f'seed_{seed}') for seed in range(_SEEDS.value)]


def _cohorts(groups: Sequence[sweep.Group], runs, out: pathlib.Path) -> list[Cohort]:
  """What is still to be trained."""
  left = []
  for group in groups:
    own = [run for setting in group.settings for run in runs[setting.label]]
    done = sum(run.result() is not None for run in own)
    if done:
      print(f'{done} runs of {_named(group)} are done')
    left += [Cohort(group, part, out) for part in parts(own, out)]
  return left


def _named(group: sweep.Group) -> str:
  first, *others = (setting.label for setting in group.settings)
  return f'{first} and {len(others)} more settings' if others else first


def _planned(cohorts: Sequence[Cohort]) -> list[float]:
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


def _in_words(cohort: Cohort, found: Estimate) -> str:
  settings = list(dict.fromkeys(run.setting.label for run in cohort.runs))
  what = settings[0] + f' and {len(settings) - 1} more' * (len(settings) > 1)
  done = f' of which {cohort.done:,} are done' * bool(cohort.done)
  return (
    f'{what}, {len(cohort.runs)} runs of {cohort.steps:,} steps{done}, about '
    f'{duration(found.training)} of training, {found.bytes / 1e6:,.0f} MB of the devices '
    f'(compiled in {found.compiling:.1f} s)'
  )


def _train(cohorts: list[Cohort], seconds: list[float]) -> signal.Signals | None:
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

  def __init__(self, cohort: Cohort, place: str, after: float):
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
  print(f'page:   {out / study_report.PAGE}')
  print(f'folder: {out}')


if __name__ == '__main__':
  cli.run(main)
