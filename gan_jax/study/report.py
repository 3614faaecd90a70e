"""The output of a study: a page, tables in Markdown, figures, and all numbers as JSON."""

import importlib.metadata
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.common import files
from gan_jax.study import figures, result, statistics, sweep, tables
from gan_jax.study.member_run import Run
from gan_jax.study.result import SettingResult, StudyResult
from gan_jax.visualization import page
from gan_jax.visualization.page import curves
from gan_jax.visualization.page import tables as html_tables
from gan_jax.visualization.page.markup import Markup, data_uri, join, tag

PAGE, NUMBERS, TABLE = 'study.html', 'study.json', 'study.md'
CURVES, SHEETS = 'curves', 'sheets'


def write(out: pathlib.Path, settings: Sequence[sweep.Setting], runs: Sequence[Run]) -> str:
  """Writes the output of a study of finished runs, and returns a summary in Markdown."""
  study = result.collect(settings, runs)
  scores = f'{tables.ABOUT_SCORES}\n\n{tables.markdown(tables.score_table(study))}'
  about = f'{tables.versions(study)}\n\n{tables.markdown(tables.setting_table(study))}'
  text = '\n\n'.join(filter(None, (scores, _comparisons(study), about)))
  files.write_atomic(out / TABLE, f'# {out.name}\n\n{text}\n'.encode())
  numbers = json.dumps(_plain(_numbers(study)), indent=2, allow_nan=False)
  files.write_atomic(out / NUMBERS, numbers.encode())
  files.write_atomic(out / PAGE, _page(out, study).encode())
  return '\n\n'.join(filter(None, (scores, tables.significant(study, TABLE))))


def _counted(number: int, noun: str) -> str:
  return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def _comparisons(study: StudyResult) -> str:
  if not study.comparisons:
    return tables.no_comparisons(study)
  return f'{tables.ABOUT_COMPARISONS}\n\n{tables.markdown(tables.comparison_table(study.comparisons))}'


def _numbers(study: StudyResult) -> dict[str, Any]:
  """Returns all results of the study, for programs."""
  return {
    'settings': [_setting_numbers(setting) for setting in study.settings],
    'comparisons': study.comparisons,
    'confidence': statistics.CONFIDENCE,
    'version': importlib.metadata.version('gan_jax'),
  }


def _setting_numbers(of_setting: SettingResult) -> dict[str, Any]:
  setting = of_setting.setting
  assert setting is not None
  outcome = of_setting.outcome
  return {
    'label': setting.label,
    'experiment': setting.experiment,
    'values': dict(setting.values),
    'config': setting.config,
    'summary': {name: statistics.summary(values)._asdict() for name, values in outcome.items()},
    'runs': [
      {'seed': run.seed, 'folder': f'{setting.label}/{run.folder.name}', **numbers}
      for run, numbers in zip(of_setting.runs, of_setting.results, strict=True)
    ],
  }


def _plain(value: Any) -> Any:
  """Returns the value with null for NaN and infinity."""
  if isinstance(value, dict):
    return {key: _plain(inner) for key, inner in value.items()}
  if isinstance(value, list | tuple):
    return [_plain(inner) for inner in value]
  return None if isinstance(value, float) and not math.isfinite(value) else value


def _page(out: pathlib.Path, study: StudyResult) -> str:
  """Draws the figures and returns the page, one self-contained file."""
  sheets = figures.draw_sheets(out / SHEETS, study)
  metrics = figures.draw_curves(out / CURVES, study)
  runs = sum(len(setting.runs) for setting in study.settings)
  summary = f'{_counted(len(study.settings), "setting")}, {_counted(runs, "run")}'
  score_table = html_tables.grid(*tables.score_table(study))
  setting_table = html_tables.grid(*tables.setting_table(study))
  charts = _panels({curves.readable(name): picture for name, picture in metrics.items()})
  content = [
    tag('header', tag('h1', out.name), tag('p', summary, class_='soft')),
    _section('scores', tag('p', tables.ABOUT_SCORES), score_table),
    _comparison_section(study),
    _alert_section(study),
    _section('samples', tag('p', figures.ABOUT_SHEETS), *_panels(sheets)),
    _section('curves', tag('p', figures.ABOUT_CURVES), tag('div', *charts, class_='charts')),
    _section('settings', tag('p', tables.versions(study)), setting_table),
  ]
  return page.filled(out.name, join(content), page.NO_DATA)


def _comparison_section(study: StudyResult) -> Markup:
  if len(study.settings) < 2:
    return Markup()
  if not study.comparisons:
    return _section('comparisons', tag('p', tables.NO_COMPARISONS))
  table = html_tables.grid(*tables.comparison_table(study.comparisons))
  return _section('comparisons', tag('p', tables.ABOUT_COMPARISONS), table)


def _alert_section(study: StudyResult) -> Markup:
  texts = [
    f'{setting.label} seed {run.seed}: {alert["text"]}'
    for setting in study.settings
    for run, numbers in zip(setting.runs, setting.results, strict=True)
    for alert in numbers['alerts']
  ]
  return _section('alerts', tag('ul', *(tag('li', text) for text in texts))) if texts else Markup()


def _panels(pictures: Mapping[str, bytes]) -> list[Markup]:
  panels = []
  for name, png in pictures.items():
    image = tag('img', src=data_uri(png), alt=name, loading='lazy')
    panels.append(tag('figure', image, tag('figcaption', name), class_='panel'))
  return panels


def _section(name: str, *content: Any) -> Markup:
  return tag('section', tag('h2', name.capitalize()), *content, id=name)
