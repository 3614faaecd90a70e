"""What a study leaves: tables, curves, sheets of samples, a page, and all numbers as JSON."""

import collections
import importlib.metadata
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_jax.common import files, pixels
from gan_jax.evaluation import cards, scores
from gan_jax.storage import metrics_log
from gan_jax.study import statistics, sweep
from gan_jax.study.member_run import TILE, Run
from gan_jax.visualization import page, plots
from gan_jax.visualization.page import curves
from gan_jax.visualization.page.markup import Markup, data_uri, join, tag

PAGE, NUMBERS, TABLE = 'study.html', 'study.json', 'study.md'
CURVES, SHEETS = 'curves', 'sheets'
_COLUMNS = 5
_LEVEL = 0.05
_LEAST_SEEDS = 6
"""With n seeds the sign-flip test has no p-value below 2^(1 - n)."""


def write(out: pathlib.Path, settings: Sequence[sweep.Setting], runs: Sequence[Run]) -> str:
  """Writes all that is made of finished runs; gives what a person should see at once, in Markdown."""
  of = {s.label: [run for run in runs if run.setting.label == s.label] for s in settings}
  results = {label: [_result(run) for run in own] for label, own in of.items()}
  outcomes = {label: _outcome(found) for label, found in results.items()}
  protocols = {label: statistics.protocol(r['card'] for r in found) for label, found in results.items()}
  compared = statistics.all_pairs(outcomes, protocols)
  numbers = _numbers(settings, of, results, outcomes, compared)
  parts = _summaries(results, outcomes), _comparisons(compared, outcomes), _about(numbers)
  text = '\n\n'.join(filter(None, parts))
  files.write_atomic(out / TABLE, f'# {out.name}\n\n{text}\n'.encode())
  files.write_atomic(out / NUMBERS, json.dumps(_plain(numbers), indent=2, allow_nan=False).encode())
  sound = {label for label, found in results.items() if all(r['diverged'] is None for r in found)}
  drawn = _draw_sheets(out / SHEETS, of), _draw_curves(out / CURVES, of, sound)
  whole = _page(out.name, numbers, results, outcomes, compared, *drawn)
  files.write_atomic(out / PAGE, whole.encode())
  return '\n\n'.join(filter(None, [_summaries(results, outcomes), _clear(compared, outcomes)]))


def _result(run: Run) -> dict[str, Any]:
  found = run.result()
  assert found is not None, f'{run.folder} is not finished'
  return found


def _outcome(results: Sequence[Mapping[str, Any]]) -> statistics.Outcome:
  names = dict.fromkeys(
    name
    for result in results
    for name, value in result['scores'].items()
    if not cards.is_void(result['card'], name, value)
  )
  return {name: [result['scores'].get(name) for result in results] for name in names}


def _rows(results, outcomes) -> tuple[list[str], list[list[str]]]:
  names = list(dict.fromkeys(name for outcome in outcomes.values() for name in outcome))
  arrow = lambda name: '↑' if scores.is_higher_better(name) else '↓'
  head = ['setting', 'runs', 'diverged', *(f'{curves.readable(n)} {arrow(n)}' for n in names)]
  rows = []
  for label, outcome in outcomes.items():
    diverged = sum(result['diverged'] is not None for result in results[label])
    cells = [_cell(statistics.summary(outcome[n])) if n in outcome else '-' for n in names]
    rows.append([label, str(len(results[label])), str(diverged), *cells])
  return head, rows


def _cell(of: statistics.Summary) -> str:
  if not of.count:
    return f'none of {of.missing}'
  text = _short(of.mean)
  if of.count > 1:
    text += f' ± {_short(of.error)} [{_short(of.low)}, {_short(of.high)}]'
  return f'{text} ({of.missing} without)' if of.missing else text


def _short(value: float) -> str:
  return f'{value:.4g}'


_ABOUT = (
  "Mean ± standard error [95 % confidence interval of the mean, Student's t] over seeds. A run has "
  'diverged once a loss or gradient is NaN or infinite; it goes on beside the others, and is scored at '
  'the end like them.'
)
_ABOUT_PAIRS = (
  'Differences are of runs of the same seed: mean ± standard error. The p-value is that of the '
  'two-sided sign-flip test. The 95 % interval inverts this test, so it excludes 0 exactly if p is '
  f'below 0.05. With fewer than {_LEAST_SEEDS} seeds p cannot be below 0.05, and there is no interval. '
  'The last column is p after Holm, corrected for the number of pairs compared by that score. Settings '
  'that are scored by different protocols, as on different data, are not compared.'
)
_NO_PAIRS = 'No two settings are scored by one protocol, on the same data, so none are compared.'
_ABOUT_CURVES = (
  'Seeds thin, the mean of those that have a value thick, band of its standard error. Losses end where '
  'a run diverges. The height of a picture is that of settings of which no run did, if there are any.'
)


def _summaries(results, outcomes) -> str:
  return f'{_ABOUT}\n\n{_markdown(*_rows(results, outcomes))}'


def _pair_rows(compared) -> tuple[list[str], list[list[str]]]:
  head = ['score', 'setting', 'less', 'difference', '95 % interval', 'seeds', 'p', 'p after Holm']
  rows = [
    [
      curves.readable(pair['score']),
      pair['setting'],
      pair['less'],
      _difference(pair),
      _interval(pair),
      str(pair['count']),
      _short(pair['p']),
      _short(pair['p_holm']),
    ]
    for pair in compared
  ]
  return head, rows


def _difference(pair) -> str:
  difference = _short(pair['difference'])
  return f'{difference} ± {_short(pair["error"])}' if pair['count'] > 1 else difference


def _interval(pair) -> str:
  known = math.isfinite(pair['low'])
  return f'[{_short(pair["low"])}, {_short(pair["high"])}]' if known else '-'


def _comparisons(compared, outcomes) -> str:
  return f'{_ABOUT_PAIRS}\n\n{_markdown(*_pair_rows(compared))}' if compared else _no_pairs(outcomes)


def _no_pairs(outcomes) -> str:
  return _NO_PAIRS if len(outcomes) > 1 else ''


def _clear(compared, outcomes) -> str:
  """The pairs that differ at 5 % after correction, or that there is none."""
  if not compared:
    return _no_pairs(outcomes)
  clear = [pair for pair in compared if pair['p_holm'] < _LEVEL]
  said = f'{len(clear)} of {len(compared)} comparisons show a difference at 5 % after correction'
  seeds, least = max(pair['count'] for pair in compared), _seeds_needed(compared)
  if seeds < least:
    said += f'; of {seeds} seeds none can: --seeds={least} is the least'
  return f'{said}; all are in {TABLE}.' + ('\n\n' + _markdown(*_pair_rows(clear)) if clear else '')


def _seeds_needed(compared) -> int:
  """The least number of seeds of which a difference can be clear by the score of fewest pairs."""
  pairs = min(collections.Counter(pair['score'] for pair in compared).values())
  return math.floor(math.log2(2 * pairs / _LEVEL)) + 1


def _setting_rows(numbers) -> tuple[list[str], list[list[str]]]:
  head = ['setting', 'experiment', 'data', 'set by --sweep', 'steps', 'batch size']
  rows = [
    [
      setting['label'],
      setting['experiment'],
      setting['config']['data']['name'],
      ', '.join(f'{path}={json.dumps(value)}' for path, value in setting['values'].items()) or '-',
      str(setting['config']['steps']),
      str(setting['config']['batch_size']),
    ]
    for setting in numbers['settings']
  ]
  return head, rows


def _made_with(numbers) -> str:
  """In words what runs were finished with: it may have gone on elsewhere, or be older than the note."""
  every = [run.get('made_with') for setting in numbers['settings'] for run in setting['runs']]
  said = [
    f'jax {of["jax"]} and jaxlib {of["jaxlib"]} on {of["devices"]} devices ({of["device"]})'
    if of
    else 'what an earlier gan_jax did not note'
    for of in every
  ]
  return f'Finished with {"; ".join(dict.fromkeys(said))}.'


def _about(numbers) -> str:
  return f'{_made_with(numbers)}\n\n{_markdown(*_setting_rows(numbers))}'


def _markdown(head: list[str], rows: list[list[str]]) -> str:
  whole = [[cell.replace('|', r'\|') for cell in row] for row in (head, ['---'] * len(head), *rows)]
  return '\n'.join('| ' + ' | '.join(row) + ' |' for row in whole)


def _numbers(settings, of, results, outcomes, compared) -> dict[str, Any]:
  """All of the study, for programs."""
  found = []
  for setting in settings:
    label = setting.label
    runs = [
      {'seed': run.seed, 'folder': f'{label}/{run.folder.name}', **result}
      for run, result in zip(of[label], results[label], strict=True)
    ]
    summaries = {k: statistics.summary(v)._asdict() for k, v in outcomes[label].items()}
    about = {'label': label, 'experiment': setting.experiment, 'values': dict(setting.values)}
    found.append({**about, 'config': setting.config, 'summary': summaries, 'runs': runs})
  return {
    'settings': found,
    'comparisons': compared,
    'confidence': statistics.CONFIDENCE,
    'version': importlib.metadata.version('gan_jax'),
  }


def _plain(value: Any) -> Any:
  """The value with null where a number is none."""
  if isinstance(value, dict):
    return {key: _plain(inner) for key, inner in value.items()}
  if isinstance(value, list | tuple):
    return [_plain(inner) for inner in value]
  return None if isinstance(value, float) and not math.isfinite(value) else value


def _draw_curves(
  folder: pathlib.Path, of: Mapping[str, Sequence[Run]], sound: set[str]
) -> dict[str, bytes]:
  """A picture of each metric: every seed thin, their mean thick, in a band of its standard error.

  Its height is that of the `sound` settings, so that one that explodes does not make them flat.
  """
  lines = {
    label: [curves.collected(page.read_lines(run.folder / metrics_log.METRICS)) for run in runs]
    for label, runs in of.items()
  }
  names = sorted({name for own in lines.values() for series in own for name in series})
  folder.mkdir(exist_ok=True)
  drawn = {}
  for name in names:
    every = {
      label: [s[name] for s in own if name in s and len(s[name][0]) > 1] for label, own in lines.items()
    }
    if any(every.values()):
      drawn[name] = plots.bands(every, curves.readable(name), sound)
      files.write_atomic(folder / f'{name.replace("/", "_")}.png', drawn[name])
  return drawn


def _draw_sheets(folder: pathlib.Path, of: Mapping[str, Sequence[Run]]) -> dict[str, bytes]:
  """A sheet of each setting: samples of every seed, none chosen."""
  folder.mkdir(exist_ok=True)
  drawn = {}
  for label, runs in of.items():
    tiles = {f'seed {run.seed}': pixels.read_png(run.folder / TILE) for run in runs}
    each = list(tiles.items())
    rows = [plots.captioned(dict(each[i : i + _COLUMNS])) for i in range(0, len(each), _COLUMNS)]
    drawn[label] = pixels.png(_stacked(rows))
    files.write_atomic(folder / f'{label}.png', drawn[label])
  return drawn


def _stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
  width = max(row.shape[1] for row in rows)
  wide = lambda row: np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)
  return np.concatenate([wide(row) for row in rows])


def _page(title, numbers, results, outcomes, compared, sheets, metrics) -> str:
  """One file that needs no network."""
  shown = lambda name, png: tag(
    'figure',
    tag('img', src=data_uri(png), alt=name, loading='lazy'),
    tag('figcaption', name),
    class_='panel',
  )
  pictures = [shown(label, picture) for label, picture in sheets.items()]
  charts = [shown(curves.readable(name), picture) for name, picture in metrics.items()]
  lost = [
    f'{label} seed {seed}: {alert["text"]}'
    for label, found in results.items()
    for seed, result in enumerate(found)
    for alert in result['alerts']
  ]
  parts = [
    tag('header', tag('h1', title), tag('p', _in_words(results), class_='soft')),
    _section('scores', tag('p', _ABOUT), _html(*_rows(results, outcomes))),
    _section('comparisons', *_told_pairs(compared)) if len(outcomes) > 1 else '',
    _section('alerts', tag('ul', *(tag('li', text) for text in lost))) if lost else '',
    _section(
      'samples',
      tag('p', 'Of averaged weights where there are, none chosen.'),
      *pictures,
    ),
    _section(
      'curves',
      tag('p', _ABOUT_CURVES),
      tag('div', *charts, class_='charts'),
    ),
    _section('settings', tag('p', _made_with(numbers)), _html(*_setting_rows(numbers))),
  ]
  return page.filled(title, join(parts), page.NO_DATA)


def _told_pairs(compared) -> list[Markup]:
  if not compared:
    return [tag('p', _NO_PAIRS)]
  return [tag('p', _ABOUT_PAIRS), _html(*_pair_rows(compared))]


def _in_words(results) -> str:
  runs = sum(map(len, results.values()))
  return f'{len(results)} settings, {runs} runs'


def _section(name: str, *content: Any) -> Markup:
  return tag('section', tag('h2', name.capitalize()), *content, id=name)


def _html(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
  top = tag('tr', *(tag('th', text, scope='col') for text in head))
  body = [tag('tr', *(tag('td', text) for text in row)) for row in rows]
  return tag('div', tag('table', tag('thead', top), tag('tbody', *body)), class_='wide')
