"""The page of a run, report.html: one self-contained file, made from the folder of the run."""

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

FRAMES = 40
"""Largest number of pictures of the slider."""

FRAME_BYTES = 12_000_000
"""Largest total size of these pictures: a phone must be able to load the page."""

INSPECTION = 'shown'
"""Subfolder of a run with the pictures of `gan_jax.visualization.inspection`."""

ABOUT = 'about.json'
"""File of their captions."""

INTERPOLATIONS = 'interpolations.png'
TRAVERSALS = 'traversal_{}.png'
NEIGHBORS = 'neighbors_{}.png'

Frame = tuple[int, bytes]


def write(folder: pathlib.Path) -> pathlib.Path:
  """Writes the page into the folder of a run, atomically.

  The page mentions scores or pictures that the folder lacks.

  Returns:
    The path of the page.

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
  content = [
    _head(folder.name, config, step),
    sections.alerts(lines),
    _facts(lines, scored),
    sections.samples(frames),
    sections.charts(charts, bool(data['alerts'])),
    sections.scores(scored),
    *_inspection(folder / INSPECTION),
    sections.configuration(config),
    tag('footer', f'Made by gan_jax {importlib.metadata.version("gan_jax")}.'),
  ]
  return filled(folder.name, join(content), data)


NO_DATA = {'last': 0, 'charts': [], 'alerts': [], 'frames': [], 'lastFrame': None}
"""The data of a page without charts or slider."""


def filled(title: str, body: Markup, data: Mapping[str, Any]) -> str:
  """Returns the page with this title and body; its script reads `data`."""
  script = _resource('page.js')
  # The content security policy allows this script and no other, whatever the page contains.
  digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
  return string.Template(_resource('template.html')).substitute(
    title=join([title]),
    style=_resource('page.css'),
    body=body,
    data=embedded(data),
    script=script,
    script_digest=f'sha256-{digest}',
  )


@functools.cache
def _resource(name: str) -> str:
  return (importlib.resources.files(__name__) / name).read_text()


def read_lines(path: pathlib.Path) -> list[MetricsLine]:
  """Returns the lines of a file that are JSON objects with a step; skips all others."""
  lines = []
  for line in path.read_bytes().split(b'\n') if path.exists() else ():
    try:
      value = json.loads(line)
    except ValueError:
      continue
    if isinstance(value, dict) and curves.is_number(value.get('step')):
      lines.append(value)
  return lines


def _frames(folder: pathlib.Path) -> list[Frame]:
  """Returns at most `FRAMES` pictures with their steps, the first and the last among them."""
  paths = sorted(folder.glob('step_*.png'))
  size = sum(path.stat().st_size for path in paths) / max(len(paths), 1)
  most = max(1, min(len(paths), FRAMES, int(FRAME_BYTES / max(size, 1))))
  indices = np.unique(np.linspace(len(paths) - 1, 0, most).round().astype(int)) if paths else []
  return [(int(paths[i].stem.removeprefix('step_')), paths[i].read_bytes()) for i in indices]


def _scores(folder: pathlib.Path, lines: Sequence[MetricsLine]) -> list[MetricsLine]:
  """Returns the evaluations, newest first, and then the last one made during training."""
  evaluations = [line for line in read_lines(folder / metrics_log.SCORES) if 'scores' in line]
  last = [line for line in lines if 'card' in line][-1:]
  in_training = [{'step': x['step'], 'card': x['card'], 'scores': _numbers(x)} for x in last]
  return [*reversed(evaluations), *in_training]


def _numbers(line: MetricsLine) -> MetricsLine:
  return {
    k: v for k, v in line.items() if k not in ('step', 'time') and (v is None or curves.is_number(v))
  }


def _inspection(folder: pathlib.Path) -> list[Markup]:
  """Returns the sections of the pictures that `inspection.save` has drawn."""
  read = lambda name: (folder / name).read_bytes() if (folder / name).exists() else None
  about = json.loads(read(ABOUT) or '{}')
  spaces = about.get('neighbors', {}).get('spaces', ())
  pictures = {space: read(NEIGHBORS.format(space)) for space in spaces}
  traversals = [read(TRAVERSALS.format(i)) for i in range(len(about.get('traversals', ())))]
  return [
    sections.interpolations(about, read(INTERPOLATIONS) if about else None, traversals),
    sections.neighbors(about, {space: picture for space, picture in pictures.items() if picture}),
  ]


def _head(title: str, config: Plain, step: int) -> Markup:
  ended = step >= config['steps']
  steps = number(config['steps'])
  progress = f'finished at step {step:,}' if ended else f'at step {step:,} of {steps}, not finished'
  names = ('samples', 'curves', 'scores', 'interpolations', 'neighbors', 'configuration')
  return tag(
    'header',
    tag('h1', title),
    tag('p', _about(config), class_='soft'),
    tag('p', progress, class_='state finished' if ended else 'state'),
    tag('nav', *(tag('a', name, href=f'#{name}') for name in names), aria_label='Sections'),
  )


def _about(config: Plain) -> str:
  """Describes the run in a line."""
  gan, data = config['gan'], config['data']
  loss = gan['loss'].get('name') if isinstance(gan.get('loss'), dict) else None
  game = ', '.join(str(name) for name in (gan.get('name'), loss) if name)
  batches = f'batches of {number(config["batch_size"])}'
  return f'{game} on {data.get("name")}, {batches}, seed {config["seed"]}'


def _facts(lines: Sequence[MetricsLine], scored: Sequence[MetricsLine]) -> Markup:
  """Shows the training time, the speed, and the first score of the newest evaluation."""
  values = lambda name: [line[name] for line in lines if curves.is_number(line.get(name))]
  times = values('time')
  facts = {'Training time': duration(times[-1])} if times else {}
  for unit in ('steps', 'images'):
    rates = values(f'{unit}_per_second')
    if rates:
      facts[f'{unit.capitalize()} per second'] = number(float(f'{statistics.median(rates):.4g}'))
  for name, value in list(scored[0]['scores'].items())[:1] if scored else ():
    facts[f'{curves.readable(name)}, step {number(scored[0]["step"])}'] = number(value)
  return tag('dl', *(tag('div', tag('dt', k), tag('dd', v)) for k, v in facts.items()), class_='facts')


def duration(seconds: float) -> str:
  """Formats seconds in two units, for example '1 h 20 min'."""
  rounded = round(seconds)
  for size, unit, smaller, name in ((3600, 'h', 60, 'min'), (60, 'min', 1, 's')):
    if rounded >= size:
      return f'{rounded // size} {unit} {rounded % size // smaller} {name}'
  return f'{seconds:.3g} s'
