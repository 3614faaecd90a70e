"""Curves from metrics.jsonl: which metrics share a chart, and how many points of each are shown."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

POINTS = 500
"""Largest number of points of a curve: more than a screen can show."""

Series = tuple[np.ndarray, np.ndarray]
"""Steps and values, both [N]."""


class Chart(NamedTuple):
  """Curves on the same axes.

  Attributes:
    title: title of the chart.
    curves: {label: steps and values}.
  """

  title: str
  curves: Mapping[str, Series]


_SHARED = (
  ('Losses', r'(?P<label>.+)/loss'),
  ('Gradient norms', r'(?P<label>.+)/gradient_norm'),
  ('Discriminator outputs', r'(?P<label>.+)_score'),
  ('Distance within a batch', r'(?P<label>.+)_distance'),
  ('Accuracy', r'(?P<label>.+)/accuracy'),
  ('Steps per second', r'(?P<label>steps)_per_second'),
)
"""Metrics of one scale: the title of their chart, and a pattern of their names."""

_LEFT_OUT = ('step', 'time', 'images_per_second')
"""Entries of a line without a curve. The rate of images is a constant times the rate of steps."""


def collected(lines: Sequence[Mapping[str, Any]]) -> dict[str, Series]:
  """Returns the curve of each metric in lines of metrics, sorted by name; only finite numbers."""
  points = {}
  for line in lines:
    for name, value in line.items():
      if name not in _LEFT_OUT and is_number(value):
        points.setdefault(name, []).append((line['step'], value))
  return {name: tuple(np.array(points[name], float).T) for name in sorted(points)}


def is_number(value: Any) -> bool:
  """Returns whether a value is a finite number, which can be drawn."""
  return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def charts(series: Mapping[str, Series]) -> list[Chart]:
  """Groups metrics of one scale into a chart; any other metric gets a separate chart.

  Metrics with fewer than two values have no curve.
  """
  remaining, shared = dict(series), []
  for title, pattern in _SHARED:
    matches = {name: re.fullmatch(pattern, name) for name in remaining}
    curves = {readable(m['label']): remaining.pop(name) for name, m in matches.items() if m}
    if curves:
      shared.append(Chart(title, curves))
  single = [Chart(_capital(readable(name)), {'value': curve}) for name, curve in remaining.items()]
  return [chart for chart in shared + single if max(len(x) for x, _ in chart.curves.values()) > 1]


def _capital(text: str) -> str:
  return text[:1].upper() + text[1:]


def readable(name: str) -> str:
  """Returns a metric's name for reading: 'generator/fake_score' becomes 'generator: fake score'."""
  return name.replace('/', ': ').replace('_', ' ')


def thinned(curve: Series, most: int = POINTS) -> Series:
  """Returns a curve of at most `most` points, at least 4, that looks the same as the full curve.

  It keeps both ends, and the smallest and the largest value of each of many equal intervals.
  """
  steps, values = curve
  if len(steps) <= most:
    return curve
  chosen = {0, len(steps) - 1}
  for chunk in np.array_split(np.arange(len(steps)), (most - 2) // 2):
    chosen |= {chunk[values[chunk].argmin()], chunk[values[chunk].argmax()]}
  indices = sorted(chosen)
  return steps[indices], values[indices]


def plain(chart: Chart) -> list[dict[str, Any]]:
  """Returns the curves of a chart for the script: labels, steps and rounded values."""
  short = lambda values: [float(f'{value:.6g}') for value in values]
  return [
    {'label': label, 'x': [int(x) for x in steps], 'y': short(values)}
    for label, (steps, values) in ((label, thinned(curve)) for label, curve in chart.curves.items())
  ]
