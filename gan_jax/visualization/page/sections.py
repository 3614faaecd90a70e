"""The sections of the page; a section without content says so in a sentence."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from gan_jax.common import pixels
from gan_jax.evaluation import cards
from gan_jax.visualization.page import curves, tables
from gan_jax.visualization.page.markup import Markup, data_uri, number, tag

Line = Mapping[str, Any]

_OPEN = 1
"""Number of the newest cards that are open."""


def section(name: str, title: str, *content: Any) -> Markup:
  """Returns a section with a title, to which the navigation links."""
  return tag('section', tag('h2', title), *content, id=name)


def alerts(lines: Sequence[Line]) -> Markup:
  """Lists each kind of alert once, with the steps at which it occurred; empty without alerts."""
  kinds = {}
  for line in lines:
    for alert in line.get('alerts', ()):
      kinds.setdefault(alert['name'], []).append((line['step'], alert['text']))
  if not kinds:
    return Markup()
  return section('alerts', 'Alerts', tag('ul', *(_alert(*item) for item in kinds.items())))


def _alert(name: str, occurrences: Sequence[tuple[int, str]]) -> Markup:
  (first, text), (last, _) = occurrences[0], occurrences[-1]
  count = len(occurrences)
  when = f'step {first:,}' if count == 1 else f'steps {first:,} to {last:,}, {count} times'
  return tag('li', tag('strong', curves.readable(name)), f' ({when}): {text}')


def marks(lines: Sequence[Line]) -> list[dict[str, Any]]:
  """Returns the first step of each kind of alert, for the script."""
  first = {}
  for line in lines:
    for alert in line.get('alerts', ()):
      first.setdefault(alert['name'], {'name': curves.readable(alert['name']), 'step': line['step']})
  return list(first.values())


def samples(frames: Sequence[tuple[int, bytes]]) -> Markup:
  """Shows the last picture, and a slider over all pictures."""
  if not frames:
    return section('samples', 'Samples', tag('p', 'No samples were drawn yet.', class_='soft'))
  step, last = frames[-1]
  picture = tag('img', id='picture', src=data_uri(last), alt=f'Samples at step {step}')
  slider = tag(
    'input', id='slider', type='range', min=0, max=len(frames) - 1, value=len(frames) - 1, step=1,
    aria_label='Step of training', aria_valuetext=f'step {step:,}', class_='js-only',
  )  # fmt: skip
  label = tag('output', f'step {step:,}', id='picture-step', for_='slider')
  control = tag('div', slider if len(frames) > 1 else '', label, class_='slider')
  caption = tag('figcaption', 'The same latents in every picture.')
  return section('samples', 'Samples', tag('figure', picture, control, caption, class_='panel'))


def charts(all_charts: Sequence[curves.Chart], has_alerts: bool) -> Markup:
  """Returns elements for the charts, with the last value of each curve; the script draws the curves."""
  if not all_charts:
    return section('curves', 'Curves', tag('p', 'No metrics were logged yet.', class_='soft'))
  hint = 'To read values, point at a curve, or select a chart and press the arrow keys.'
  if has_alerts:
    hint += ' A dashed line marks the first alert of a kind.'
  plain = 'The last values; a browser that runs scripts draws the curves.'
  return section(
    'curves',
    'Curves',
    tag('p', hint, class_='soft js-only'),
    tag('p', plain, class_='soft no-js'),
    tag('div', *map(_chart, all_charts), class_='charts'),
  )


def _chart(chart: curves.Chart) -> Markup:
  log = tag('button', 'log', type='button', aria_pressed='false', class_='js-only',
            aria_label=f'{chart.title} on a logarithmic scale')  # fmt: skip
  positive = all((values > 0).all() for _, values in chart.curves.values())
  caption = tag(
    'figcaption', tag('span', chart.title), tag('span', class_='at', aria_live='polite'),
    log if positive else '',
  )  # fmt: skip
  legend = [
    tag('li', tag('i', class_=f'c{i % 6}'), label, tag('output', number(values[-1])))
    for i, (label, (_, values)) in enumerate(chart.curves.items())
  ]
  svg = tag('svg', role='img', tabindex=0, aria_label=_description(chart), class_='js-only')
  return tag('figure', caption, tag('ul', *legend, class_='legend'), svg, class_='chart')


def _description(chart: curves.Chart) -> str:
  curve = lambda label, values: (
    f'{label}: from {number(values[0])} to {number(values[-1])}, '
    f'between {number(values.min())} and {number(values.max())}'
  )
  return f'{chart.title}. ' + '; '.join(curve(k, values) for k, (_, values) in chart.curves.items())


def scores(entries: Sequence[Line]) -> Markup:
  """Shows scores with their protocol cards, as entries {'step', 'scores', 'card'}, the newest first."""
  if not entries:
    hint = ('None yet; ', tag('code', 'python -m gan_jax.evaluate'), ' scores a checkpoint.')
    return section('scores', 'Scores', tag('p', *hint, class_='soft'))
  return section('scores', 'Scores', *(_score(entry, i < _OPEN) for i, entry in enumerate(entries)))


def _score(entry: Line, is_open: bool) -> Markup:
  card = entry.get('card') or {}
  counts = [f'{number(card[k])} {k}' for k in ('generated', 'real') if curves.is_number(card.get(k))]
  details = [f'{key} {card[key]}' for key in ('features', 'seed') if key in card]
  title = ', '.join([' against '.join(counts), *details]).strip(', ')
  text = lambda name, value: '-' if cards.is_void(card, name, value) else number(value)
  values = {curves.readable(name): text(name, value) for name, value in entry['scores'].items()}
  both = tag('div', tables.values('Scores', values), tables.nested(card, 'Protocol'), class_='parts')
  summary = tag('summary', f'Step {number(entry["step"])}: {title}')
  return tag('details', summary, both, class_='score', open=is_open)


def interpolations(
  about: Line, picture: bytes | None, traversals: Sequence[bytes | None] = ()
) -> Markup:
  """Shows interpolations between samples, or the reason why they are missing.

  Traversals of labels and of parts of the latents follow them.
  """
  if not picture:
    return _left_out('interpolations', 'Interpolations', about)
  captions = [about['interpolations'], *about.get('traversals', ())]
  pairs = zip(captions, [picture, *traversals], strict=True)
  figures = [_figure(about, caption['text'], content) for caption, content in pairs if content]
  return section('interpolations', 'Interpolations', *figures)


def _figure(about: Line, text: str, picture: bytes) -> Markup:
  image = tag('img', src=data_uri(picture), alt=text)
  return tag('figure', image, tag('figcaption', f'{text} {_origin(about)}'), class_='panel')


def _origin(about: Line) -> str:
  return f'Step {number(about["step"])}, {about["weights"]} weights, seed {about["seed"]}.'


def _left_out(name: str, title: str, about: Line) -> Markup:
  reason = about.get(name, {}).get('left_out')
  hint = ('Not drawn yet; ', tag('code', 'python -m gan_jax.report'), ' draws them.')
  return section(name, title, tag('p', *([reason] if reason else hint), class_='soft'))


def neighbors(about: Line, pictures: Mapping[str, bytes]) -> Markup:
  """Shows samples beside the training examples nearest to them, or the reason why they are missing."""
  words = about.get('neighbors', {}).get('examples', {'one': 'image', 'many': 'images'})
  title = f'Nearest training {words["many"]}'
  if not pictures:
    return _left_out('neighbors', title, about)
  content = []
  for space, picture in pictures.items():
    captions = about['neighbors']['spaces'][space]
    rows = _rows(picture, captions['distances'], words['one'])
    content += [tag('h3', captions['title']), tag('p', captions['text'], class_='soft')]
    content.append(tag('ul', *rows, class_='neighbors'))
  text = f'Uncurated samples, each beside the training {words["many"]} nearest to it. {_origin(about)}'
  return section('neighbors', title, tag('p', text), *content)


def _rows(picture: bytes, distances: Sequence[Sequence[float]], one: str) -> list[Markup]:
  """Splits a sheet into rows, each a sample and its neighbors."""
  sheet = np.asarray(Image.open(io.BytesIO(picture)))
  rows = np.split(sheet.reshape(*sheet.shape[:2], -1), len(distances))
  pairs = zip(rows, distances, strict=True)
  return [_row(i, row, dists, one) for i, (row, dists) in enumerate(pairs)]


def _row(index: int, row: np.ndarray, distances: Sequence[float], one: str) -> Markup:
  """Returns a sample and its neighbors, cut from a row [height, width of all of them, channels]."""
  captions = ['sample', *(f'{d:.3g}' for d in distances)]
  alts = [f'Sample {index}', *(f'Training {one} at distance {d:.3g}' for d in distances)]
  images = np.split(row, len(captions), axis=1)
  figures = [
    tag('figure', tag('img', src=data_uri(pixels.png(image)), alt=alt), tag('figcaption', caption))
    for image, alt, caption in zip(images, alts, captions, strict=True)
  ]
  return tag('li', *figures, class_='neighbor')


def configuration(config: Mapping[str, Any]) -> Markup:
  """Lists every setting of the run."""
  details = tag('details', tag('summary', 'All settings'), tables.nested(config))
  return section('configuration', 'Configuration', details)
