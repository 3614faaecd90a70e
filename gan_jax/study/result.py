"""The results of a finished study: scores of every run, and comparisons of its settings."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.evaluation import cards
from gan_jax.study import statistics, sweep
from gan_jax.study.member_run import Run


@dataclasses.dataclass(frozen=True)
class SettingResult:
  """The finished runs of one setting.

  Attributes:
    label: name of the setting.
    results: the content of result.json of each run.
    runs: the runs, one per seed.
    setting: the setting.
  """

  label: str
  results: Sequence[Mapping[str, Any]]
  runs: Sequence[Run] = ()
  setting: sweep.Setting | None = None

  @property
  def outcome(self) -> statistics.Outcome:
    """The values of each score over the seeds, without scores that the protocol cannot give."""
    names = dict.fromkeys(
      name
      for result in self.results
      for name, value in result['scores'].items()
      if not cards.is_void(result['card'], name, value)
    )
    return {name: [result['scores'].get(name) for result in self.results] for name in names}

  @property
  def diverged(self) -> int:
    """The number of runs that diverged."""
    return sum(result['diverged'] is not None for result in self.results)


@dataclasses.dataclass(frozen=True)
class StudyResult:
  """The results of all settings.

  Attributes:
    settings: result of each setting.
    comparisons: see `statistics.all_pairs`.
  """

  settings: Sequence[SettingResult]
  comparisons: Sequence[Mapping[str, Any]]

  @property
  def scores(self) -> list[str]:
    """The names of all scores that a setting has."""
    return list(dict.fromkeys(name for setting in self.settings for name in setting.outcome))


def compare(settings: Sequence[SettingResult]) -> StudyResult:
  """Returns the results of a study, with comparisons of the settings that share a protocol."""
  outcomes = {setting.label: setting.outcome for setting in settings}
  protocols = {
    setting.label: statistics.protocol(result['card'] for result in setting.results)
    for setting in settings
  }
  return StudyResult(settings, statistics.all_pairs(outcomes, protocols))


def collect(settings: Sequence[sweep.Setting], runs: Sequence[Run]) -> StudyResult:
  """Reads the results of finished runs."""
  return compare([_collect_setting(setting, runs) for setting in settings])


def _collect_setting(setting: sweep.Setting, runs: Sequence[Run]) -> SettingResult:
  runs = [run for run in runs if run.setting.label == setting.label]
  return SettingResult(setting.label, [_result(run) for run in runs], runs, setting)


def _result(run: Run) -> dict[str, Any]:
  result = run.result()
  assert result is not None, f'{run.folder} is not finished'
  return result
