"""Curves out of metrics.jsonl: which metrics share a chart, and how many points of each are kept."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

POINTS = 500
"""Of a curve, at most: more than a screen can show."""

Series = tuple[np.ndarray, np.ndarray]
"""Steps and values, both [N]."""


class Chart(NamedTuple):
  """Curves on the same axes.

  Attributes:
    title: what they have in common.
    curves: {what is special to it: its steps and values}.
  """

  title: str
  curves: Mapping[str, Series]


_SHARED = (
  ('Losses', r'(?P<label>.+)/loss'),
  ('Gradient norms', r'(?P<label>.+)/gradient_norm'),
  ('Scores of real and fake', r'(?P<label>.+)_score'),
  ('Distance within a batch', r'(?P<label>.+)_distance'),
  ('Accuracy', r'(?P<label>.+)/accuracy'),
  ('Steps a second', r'(?P<label>steps)_per_second'),
)
"""Metrics of one scale: the title of their chart, and their names."""

_LEFT_OUT = ('step', 'time', 'images_per_second')
"""Of a line; images are read at the rate of steps, times a constant."""


def collected(lines: Sequence[Mapping[str, Any]]) -> dict[str, Series]:
  """The finite numbers of lines of metrics, by name, in the order of names."""
  found = {}
  for line in lines:
    for name, value in line.items():
      if name not in _LEFT_OUT and is_number(value):
        found.setdefault(name, []).append((line['step'], value))
  return {name: tuple(np.array(found[name], float).T) for name in sorted(found)}


def is_number(value: Any) -> bool:
  """Whether it is a number that can be drawn."""
  return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def charts(series: Mapping[str, Series]) -> list[Chart]:
  """Metrics of one scale on one chart; every other, as a score or a penalty, on a chart of its own.

  What was measured once is no curve.
  """
  left, found = dict(series), []
  for title, pattern in _SHARED:
    matches = {name: re.fullmatch(pattern, name) for name in left}
    curves = {readable(m['label']): left.pop(name) for name, m in matches.items() if m}
    if curves:
      found.append(Chart(title, curves))
  alone = [Chart(_capital(readable(name)), {'value': curve}) for name, curve in left.items()]
  return [chart for chart in found + alone if max(len(steps) for steps, _ in chart.curves.values()) > 1]


def _capital(text: str) -> str:
  return text[:1].upper() + text[1:]


def readable(name: str) -> str:
  """'generator/fake_score' as 'generator: fake score'."""
  return name.replace('/', ': ').replace('_', ' ')


def thinned(curve: Series, most: int = POINTS) -> Series:
  """A curve of at most `most` points, from 4, that looks as the whole one does.

  Both ends stay, and of each of many equal parts the least and the greatest value.
  """
  steps, values = curve
  if len(steps) <= most:
    return curve
  kept = {0, len(steps) - 1}
  for part in np.array_split(np.arange(len(steps)), (most - 2) // 2):
    kept |= {part[values[part].argmin()], part[values[part].argmax()]}
  chosen = sorted(kept)
  return steps[chosen], values[chosen]


def plain(chart: Chart) -> list[dict[str, Any]]:
  """The curves of a chart for the script: their labels, steps and values, no longer than needed."""
  short = lambda values: [float(f'{value:.6g}') for value in values]
  return [
    {'label': label, 'x': [int(x) for x in steps], 'y': short(values)}
    for label, (steps, values) in ((label, thinned(curve)) for label, curve in chart.curves.items())
  ]
