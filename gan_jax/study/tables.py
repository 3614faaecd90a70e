"""The tables of a study: scores of the settings, their comparisons, and their configuration."""

import collections
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gan_jax.evaluation import scores
from gan_jax.study import statistics
from gan_jax.study.result import SettingResult, StudyResult
from gan_jax.visualization.page import curves

_LEVEL = 0.05
_LEAST_SEEDS = 6
"""With n seeds the sign-flip test has no p-value below 2^(1 - n)."""

ABOUT_SCORES = (
  "Mean ± standard error [95 % confidence interval of the mean, Student's t] over seeds. A run has "
  'diverged if a loss or gradient is NaN or infinite; training continues, and the run is scored at '
  'the end like the others.'
)
ABOUT_COMPARISONS = (
  'Differences are taken between runs of the same seed: mean ± standard error. The p-value is that of '
  'the two-sided sign-flip test. The 95 % interval inverts this test: it excludes 0 exactly if p is '
  f'below 0.05. With fewer than {_LEAST_SEEDS} seeds p cannot be below 0.05, and the interval is '
  "unbounded (-). The last column is p after Holm's correction for the number of pairs compared by "
  'that score. Settings with different protocols, for example on different data, are not compared.'
)
NO_COMPARISONS = 'No two settings share a protocol and data, so none are compared.'


class Table(NamedTuple):
  """A table of texts.

  Attributes:
    head: headings of the columns.
    rows: cells of each row.
  """

  head: list[str]
  rows: list[list[str]]


def score_table(study: StudyResult) -> Table:
  """Returns a row per setting with the mean of each score over seeds."""
  arrow = lambda name: '↑' if scores.is_better(name, 1.0, than=0.0) else '↓'
  columns = [f'{curves.readable(name)} {arrow(name)}' for name in study.scores]
  rows = [_score_row(setting, study.scores) for setting in study.settings]
  return Table(['setting', 'runs', 'diverged', *columns], rows)


def _score_row(setting: SettingResult, names: Sequence[str]) -> list[str]:
  outcome = setting.outcome
  cells = [_mean(statistics.summary(outcome[name])) if name in outcome else '-' for name in names]
  return [setting.label, str(len(setting.results)), str(setting.diverged), *cells]


def _mean(summary: statistics.Summary) -> str:
  if not summary.count:
    return f'none of {summary.missing}'
  text = _short(summary.mean)
  if summary.count > 1:
    text += f' ± {_short(summary.error)} [{_short(summary.low)}, {_short(summary.high)}]'
  if summary.missing:
    text += f' ({summary.missing} missing)'
  return text


def _short(value: float) -> str:
  return f'{value:.4g}'


def comparison_table(comparisons: Sequence[Mapping[str, Any]]) -> Table:
  """Returns a row per compared pair of settings and score."""
  head = ['score', 'setting', 'minus', 'difference', '95 % interval', 'seeds', 'p', 'p after Holm']
  return Table(head, [_comparison_row(pair) for pair in comparisons])


def _comparison_row(pair: Mapping[str, Any]) -> list[str]:
  difference, interval = _short(pair['difference']), '-'
  if pair['count'] > 1:
    difference += f' ± {_short(pair["error"])}'
  if math.isfinite(pair['low']):
    interval = f'[{_short(pair["low"])}, {_short(pair["high"])}]'
  names = [curves.readable(pair['score']), pair['setting'], pair['less']]
  p_values = [_short(pair['p']), _short(pair['p_holm'])]
  return [*names, difference, interval, str(pair['count']), *p_values]


def setting_table(study: StudyResult) -> Table:
  """Returns a row per setting with its experiment, data, swept values and size."""
  head = ['setting', 'experiment', 'data', 'set by --sweep', 'steps', 'batch size']
  return Table(head, [_setting_row(setting) for setting in study.settings])


def _setting_row(result: SettingResult) -> list[str]:
  setting = result.setting
  assert setting is not None
  values = ', '.join(f'{path}={json.dumps(value)}' for path, value in setting.values.items())
  config = setting.config
  size = [str(config['steps']), str(config['batch_size'])]
  return [result.label, setting.experiment, config['data']['name'], values or '-', *size]


def versions(study: StudyResult) -> str:
  """Describes the versions and devices with which the runs were finished.

  A run may have been trained elsewhere before.
  """
  notes = [result.get('made_with') for setting in study.settings for result in setting.results]
  texts = [
    f'jax {note["jax"]} and jaxlib {note["jaxlib"]} on {note["devices"]} devices ({note["device"]})'
    if note
    else 'unknown versions (an earlier gan_jax)'
    for note in notes
  ]
  return f'Finished with {"; ".join(dict.fromkeys(texts))}.'


def significant(study: StudyResult, document: str) -> str:
  """Returns, in Markdown, the comparisons that are significant at 5 % after correction.

  Args:
    study: the results.
    document: name of the file that has all comparisons.
  """
  comparisons = study.comparisons
  if not comparisons:
    return no_comparisons(study)
  pairs = [pair for pair in comparisons if pair['p_holm'] < _LEVEL]
  text = f'{len(pairs)} of {len(comparisons)} comparisons show a difference at 5 % after correction'
  seeds, least = max(pair['count'] for pair in comparisons), _seeds_needed(comparisons)
  if seeds < least:
    text += f'; none can with {seeds} seeds, use at least --seeds={least}'
  text += f'; all are in {document}.'
  return f'{text}\n\n{markdown(comparison_table(pairs))}' if pairs else text


def no_comparisons(study: StudyResult) -> str:
  """Returns a sentence for a study of several settings without comparisons, or ''."""
  return NO_COMPARISONS if len(study.settings) > 1 else ''


def _seeds_needed(comparisons: Sequence[Mapping[str, Any]]) -> int:
  """Returns the least number of seeds for significance by the score with the fewest pairs."""
  pairs = min(collections.Counter(pair['score'] for pair in comparisons).values())
  return math.floor(math.log2(2 * pairs / _LEVEL)) + 1


def markdown(table: Table) -> str:
  """Returns a table in Markdown."""
  rows = [table.head, ['---'] * len(table.head), *table.rows]
  lines = (' | '.join(cell.replace('|', r'\|') for cell in row) for row in rows)
  return '\n'.join(f'| {line} |' for line in lines)
