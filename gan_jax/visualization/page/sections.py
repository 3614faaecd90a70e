"""The sections of the page, each from what it shows; what there is not is said in a sentence."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from gan_jax.common import pixels
from gan_jax.evaluation import cards
from gan_jax.visualization.page import curves
from gan_jax.visualization.page.markup import Markup, data_uri, nested, number, tag

Line = Mapping[str, Any]

_OPEN = 1
"""How many of the newest cards are open."""


def section(name: str, title: str, *content: Any) -> Markup:
  """A section with its title, which the head of the page leads to."""
  return tag('section', tag('h2', title), *content, id=name)


def alerts(lines: Sequence[Line]) -> Markup:
  """What was wrong, each kind once, with the steps at which it was seen; nothing if nothing was."""
  kinds = {}
  for line in lines:
    for alert in line.get('alerts', ()):
      kinds.setdefault(alert['name'], []).append((line['step'], alert['text']))
  if not kinds:
    return Markup()
  return section('alerts', 'Alerts', tag('ul', *(_alert(name, seen) for name, seen in kinds.items())))


def _alert(name: str, seen: Sequence[tuple[int, str]]) -> Markup:
  (first, text), (last, _) = seen[0], seen[-1]
  when = f'step {first:,}' if len(seen) == 1 else f'steps {first:,} to {last:,}, {len(seen)} times'
  return tag('li', tag('strong', curves.readable(name)), f' ({when}): {text}')


def marks(lines: Sequence[Line]) -> list[dict[str, Any]]:
  """Where on the curves each kind of alert is first marked, for the script."""
  first = {}
  for line in lines:
    for alert in line.get('alerts', ()):
      first.setdefault(alert['name'], {'name': curves.readable(alert['name']), 'step': line['step']})
  return list(first.values())


def samples(frames: Sequence[tuple[int, bytes]]) -> Markup:
  """The last picture, and a slider over all of them."""
  if not frames:
    return section(
      'samples', 'Samples', tag('p', 'No picture of samples was drawn yet.', class_='soft')
    )
  step, last = frames[-1]
  picture = tag('img', id='picture', src=data_uri(last), alt=f'Samples at step {step}')
  slider = tag(
    'input', id='slider', type='range', min=0, max=len(frames) - 1, value=len(frames) - 1, step=1,
    aria_label='Step of training', aria_valuetext=f'step {step:,}', class_='js-only',
  )  # fmt: skip
  shown = tag('output', f'step {step:,}', id='picture-step', for_='slider')
  control = tag('div', slider if len(frames) > 1 else '', shown, class_='slider')
  caption = tag('figcaption', 'The same latents in every picture.')
  return section('samples', 'Samples', tag('figure', picture, control, caption, class_='panel'))


def charts(shown: Sequence[curves.Chart], has_alerts: bool) -> Markup:
  """Places for the curves, with the last value of each; the script draws them."""
  if not shown:
    return section('curves', 'Curves', tag('p', 'No metrics were logged yet.', class_='soft'))
  hint = 'Point at a curve, or choose a chart and press the arrow keys, to read its values.'
  if has_alerts:
    hint += ' A dashed line marks where a kind of alert began.'
  plain = 'The last values; a browser that runs scripts draws the curves.'
  return section(
    'curves',
    'Curves',
    tag('p', hint, class_='soft js-only'),
    tag('p', plain, class_='soft no-js'),
    tag('div', *map(_chart, shown), class_='charts'),
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
  drawn = tag('svg', role='img', tabindex=0, aria_label=_told(chart), class_='js-only')
  return tag('figure', caption, tag('ul', *legend, class_='legend'), drawn, class_='chart')


def _told(chart: curves.Chart) -> str:
  """A chart in words."""
  curve = lambda label, values: (
    f'{label}: from {number(values[0])} to {number(values[-1])}, '
    f'between {number(values.min())} and {number(values.max())}'
  )
  return f'{chart.title}. ' + '; '.join(curve(k, values) for k, (_, values) in chart.curves.items())


def scores(entries: Sequence[Line]) -> Markup:
  """Scores with their protocol cards, entries {'step', 'scores', 'card'}, the newest first."""
  if not entries:
    how = ('None yet; ', tag('code', 'python -m gan_jax.evaluate'), ' scores a checkpoint.')
    return section('scores', 'Scores', tag('p', *how, class_='soft'))
  shown = [_score(entry, i < _OPEN) for i, entry in enumerate(entries)]
  return section('scores', 'Scores', *shown)


def _score(entry: Line, is_open: bool) -> Markup:
  card = entry.get('card') or {}
  counts = [f'{number(card[k])} {k}' for k in ('generated', 'real') if curves.is_number(card.get(k))]
  said = [f'{key} {card[key]}' for key in ('features', 'seed') if key in card]
  title = f'Step {number(entry["step"])}: ' + ', '.join([' against '.join(counts), *said]).strip(', ')
  text = lambda name, value: '-' if cards.is_void(card, name, value) else number(value)
  values = [
    tag('tr', tag('th', curves.readable(name), scope='row'), tag('td', text(name, v), class_='value'))
    for name, v in entry['scores'].items()
  ]
  return tag(
    'details',
    tag('summary', title),
    tag(
      'div',
      tag('table', tag('caption', 'Scores'), *values),
      tag('table', tag('caption', 'Protocol'), nested(card), class_='card'),
      class_='parts',
    ),
    class_='score',
    open=is_open,
  )


def interpolations(about: Line, picture: bytes | None) -> Markup:
  """Pictures on the way between two samples, or why there are none."""
  if not picture:
    return _left_out('interpolations', 'Interpolations', about)
  image = tag('img', src=data_uri(picture), alt=about['interpolations']['text'])
  text = f'{about["interpolations"]["text"]} {_origin(about)}'
  figure = tag('figure', image, tag('figcaption', text), class_='panel')
  return section('interpolations', 'Interpolations', figure)


def _origin(about: Line) -> str:
  return f'Step {number(about["step"])}, {about["weights"]} weights, seed {about["seed"]}.'


def _left_out(name: str, title: str, about: Line) -> Markup:
  why = about.get(name, {}).get('left_out')
  how = ('Not drawn yet; ', tag('code', 'python -m gan_jax.report'), ' draws them.')
  return section(name, title, tag('p', *([why] if why else how), class_='soft'))


def neighbours(about: Line, pictures: Mapping[str, bytes]) -> Markup:
  """Samples beside the training images nearest to them, or why there are none."""
  if not pictures:
    return _left_out('neighbours', 'Nearest training images', about)
  parts = []
  for space, picture in pictures.items():
    found = about['neighbours']['spaces'][space]
    parts += [tag('h3', found['title']), tag('p', found['text'], class_='soft')]
    parts.append(tag('ul', *_rows(picture, found['distances']), class_='neighbours'))
  text = f'Samples, none chosen, each beside the training images nearest to it. {_origin(about)}'
  return section('neighbours', 'Nearest training images', tag('p', text), *parts)


def _rows(picture: bytes, distances: Sequence[Sequence[float]]) -> list[Markup]:
  """The rows of a sheet, an image a sample and its neighbours."""
  sheet = np.asarray(Image.open(io.BytesIO(picture)))
  rows = np.split(sheet.reshape(*sheet.shape[:2], -1), len(distances))
  return [_neighbour(i, row, near) for i, (row, near) in enumerate(zip(rows, distances, strict=True))]


def _neighbour(place: int, row: np.ndarray, distances: Sequence[float]) -> Markup:
  """A sample and its neighbours, [height, width of all of them, channels]."""
  told = ['sample', *(f'{d:.3g}' for d in distances)]
  alts = [f'Sample {place}', *(f'Training image at distance {d:.3g}' for d in distances)]
  images = np.split(row, len(told), axis=1)
  figures = [
    tag('figure', tag('img', src=data_uri(pixels.png(i)), alt=alt), tag('figcaption', text))
    for i, alt, text in zip(images, alts, told, strict=True)
  ]
  return tag('li', *figures, class_='neighbour')


def configuration(config: Mapping[str, Any]) -> Markup:
  """Every setting of the run."""
  settings = tag('table', nested(config))
  return section(
    'configuration', 'Configuration', tag('details', tag('summary', 'All settings'), settings)
  )
