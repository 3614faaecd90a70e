"""The page of a run, report.html: one file that needs no network, made of what the run's folder has."""

import base64
import functools
import hashlib
import importlib.metadata
import importlib.resources
import json
import pathlib
import statistics
import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_jax.common import files
from gan_jax.common.types import MetricsLine, Plain
from gan_jax.storage import metrics_log, workdir
from gan_jax.visualization.page import curves, sections
from gan_jax.visualization.page.markup import Markup, data_uri, embedded, join, number, tag

FILE = 'report.html'

FRAMES, FRAME_BYTES = 40, 12_000_000
"""Pictures that the slider goes over, at most, and bytes of all: a phone is to load the page."""

SHOWN, ABOUT, INTERPOLATIONS, NEIGHBOURS = (
  'shown',
  'about.json',
  'interpolations.png',
  'neighbours_{}.png',
)
"""Where `gan_jax.visualization.inspection` leaves what needs the networks, in the folder of the run."""
Frame = tuple[int, bytes]


def write(folder: pathlib.Path) -> pathlib.Path:
  """Writes the page into the folder of a run, whole or not at all.

  What the folder lacks, as scores or pictures, the page says that it lacks.

  Returns:
    Its path.

  Raises:
    ConfigError: the folder holds no run.
  """
  config = workdir.read_config(folder)
  path = folder / FILE
  files.write_atomic(path, _built(folder.resolve(), config).encode())
  return path


def _built(folder: pathlib.Path, config: Plain) -> str:
  lines, frames = read_lines(folder / metrics_log.METRICS), _frames(folder / workdir.SAMPLES)
  step = max([line['step'] for line in lines] + [step for step, _ in frames[-1:]], default=0)
  charts, scored = curves.charts(curves.collected(lines)), _scores(folder, lines)
  data = {
    'last': step,
    'charts': [curves.plain(chart) for chart in charts],
    'alerts': sections.marks(lines),
    'frames': [{'step': step, 'source': data_uri(png)} for step, png in frames[:-1]],
    'lastFrame': frames[-1][0] if frames else None,
  }
  shown = [
    _head(folder.name, config, step),
    sections.alerts(lines),
    _facts(lines, scored),
    sections.samples(frames),
    sections.charts(charts, bool(data['alerts'])),
    sections.scores(scored),
    *_shown(folder / SHOWN),
    sections.configuration(config),
    tag(
      'footer', f'Made by gan_jax {importlib.metadata.version("gan_jax")} from the folder of the run.'
    ),
  ]
  return filled(folder.name, join(shown), data)


NO_DATA = {'last': 0, 'charts': [], 'alerts': [], 'frames': [], 'lastFrame': None}
"""Of a page with nothing that moves."""


def filled(title: str, body: Markup, data: Mapping[str, Any]) -> str:
  """The page of this title and body; `data` is what its script reads."""
  script = _part('page.js')
  # The page may run this script and no other, whatever it shows.
  digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
  return string.Template(_part('template.html')).substitute(
    title=join([title]),
    style=_part('page.css'),
    body=body,
    data=embedded(data),
    script=script,
    script_digest=f'sha256-{digest}',
  )


@functools.cache
def _part(name: str) -> str:
  return (importlib.resources.files(__name__) / name).read_text()


def read_lines(path: pathlib.Path) -> list[MetricsLine]:
  """The whole lines of a file of JSON objects that say their step; of others, nothing."""
  found = []
  for line in path.read_bytes().split(b'\n') if path.exists() else ():
    try:
      value = json.loads(line)
    except ValueError:
      continue
    if isinstance(value, dict) and curves.is_number(value.get('step')):
      found.append(value)
  return found


def _frames(folder: pathlib.Path) -> list[Frame]:
  """Pictures over training, the first and the last among them, with their steps."""
  paths = sorted(folder.glob('step_*.png'))
  size = sum(path.stat().st_size for path in paths) / max(len(paths), 1)
  most = max(1, min(len(paths), FRAMES, int(FRAME_BYTES / max(size, 1))))
  places = np.unique(np.linspace(len(paths) - 1, 0, most).round().astype(int)) if paths else []
  return [(int(paths[i].stem.removeprefix('step_')), paths[i].read_bytes()) for i in places]


def _scores(folder: pathlib.Path, lines: Sequence[MetricsLine]) -> list[MetricsLine]:
  """What was scored, the newest first; of what training scored by itself, the last."""
  asked = [line for line in read_lines(folder / metrics_log.SCORES) if 'scores' in line]
  during = [line for line in lines if 'card' in line][-1:]
  own = [{'step': line['step'], 'card': line['card'], 'scores': _numbers(line)} for line in during]
  return [*reversed(asked), *own]


def _numbers(line: MetricsLine) -> MetricsLine:
  return {
    k: v for k, v in line.items() if k not in ('step', 'time') and (v is None or curves.is_number(v))
  }


def _shown(folder: pathlib.Path) -> list[Markup]:
  """The sections of what needed the networks."""
  read = lambda name: (folder / name).read_bytes() if (folder / name).exists() else None
  about = json.loads(read(ABOUT) or '{}')
  spaces = about.get('neighbours', {}).get('spaces', ())
  pictures = {space: read(NEIGHBOURS.format(space)) for space in spaces}
  return [
    sections.interpolations(about, read(INTERPOLATIONS) if about else None),
    sections.neighbours(about, {space: picture for space, picture in pictures.items() if picture}),
  ]


def _head(name: str, config: Plain, step: int) -> Markup:
  ended, steps = step >= config['steps'], number(config['steps'])
  done = f'finished at step {step:,}' if ended else f'at step {step:,} of {steps}, not finished'
  places = ('samples', 'curves', 'scores', 'interpolations', 'neighbours', 'configuration')
  return tag(
    'header',
    tag('h1', name),
    tag('p', _about(config), class_='soft'),
    tag('p', done, class_='state finished' if ended else 'state'),
    tag('nav', *(tag('a', place, href=f'#{place}') for place in places), aria_label='Sections'),
  )


def _about(config: Plain) -> str:
  """The run in a line."""
  gan, data = config['gan'], config['data']
  loss = gan['loss'].get('name') if isinstance(gan.get('loss'), dict) else None
  game = ', '.join(str(name) for name in (gan.get('name'), loss) if name)
  batches = f'batches of {number(config["batch_size"])}'
  return f'{game} on {data.get("name")}, {batches}, seed {config["seed"]}'


def _facts(lines: Sequence[MetricsLine], scored: Sequence[MetricsLine]) -> Markup:
  """Time, speed, and the first of the newest scores."""
  rate = lambda name: [line[name] for line in lines if curves.is_number(line.get(name))]
  times = rate('time')
  facts = {'Time of training': duration(times[-1])} if times else {}
  for what in ('steps', 'images'):
    found = rate(f'{what}_per_second')
    if found:
      facts[f'{what.capitalize()} a second'] = number(float(f'{statistics.median(found):.4g}'))
  for name, value in list(scored[0]['scores'].items())[:1] if scored else ():
    facts[f'{curves.readable(name)}, step {number(scored[0]["step"])}'] = number(value)
  return tag('dl', *(tag('div', tag('dt', k), tag('dd', v)) for k, v in facts.items()), class_='facts')


def duration(seconds: float) -> str:
  """Seconds as a person says them, in two units."""
  whole = round(seconds)
  for size, unit, smaller, name in ((3600, 'h', 60, 'min'), (60, 'min', 1, 's')):
    if whole >= size:
      return f'{whole // size} {unit} {whole % size // smaller} {name}'
  return f'{seconds:.3g} s'
