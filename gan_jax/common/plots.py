"""Grids of images, and plots of points and curves."""

import contextlib
import functools
import io
import math
import os
import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP = 2
_BACKGROUND = 255
_SMALL = 64
_SURFACE = 80


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
  """Arranges images in a grid, row by row; pixels of small images are doubled.

  Args:
    images: uint8 [N, height, width, 1 or 3].
    columns: images in a row; by default the grid is about square.

  Returns:
    uint8 [rows * (height + gap) + gap, columns * (width + gap) + gap, 3], with heights as drawn.
  """
  if max(images.shape[1:3]) < _SMALL:
    images = images.repeat(2, axis=1).repeat(2, axis=2)
  count, height, width, _ = images.shape
  columns = columns or math.ceil(math.sqrt(count))
  rows = math.ceil(count / columns)
  shape = (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3)
  page = np.full(shape, _BACKGROUND, np.uint8)
  for i, image in enumerate(images):
    top, left = _GAP + i // columns * (height + _GAP), _GAP + i % columns * (width + _GAP)
    page[top : top + height, left : left + width] = image
  return page


def captioned(grids: Mapping[str, np.ndarray]) -> np.ndarray:
  """Returns grids of one height side by side, each under its caption."""
  margin, line = 8, 20
  height = max(g.shape[0] for g in grids.values()) + line
  width = sum(g.shape[1] + margin for g in grids.values()) - margin
  page = Image.new('RGB', (width, height), (_BACKGROUND,) * 3)
  pen, left = ImageDraw.Draw(page), 0
  for caption, picture in grids.items():
    pen.text((left + _GAP, 2), caption, fill=0, font=ImageFont.load_default(size=14))
    page.paste(Image.fromarray(picture), (left, line))
    left += picture.shape[1] + margin
  return np.asarray(page)


def plane(points: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
  """Returns a projection of points [M, D] to a plane [M, 2].

  Two coordinates stay as they are. More are projected to the first two principal directions of
  `points` [N, D].
  """
  if points.shape[1] == 2:
    return lambda x: np.asarray(x)
  center = points.mean(axis=0)
  directions = np.linalg.svd(points - center, full_matrices=False)[2][:2]
  return lambda x: (np.asarray(x) - center) @ directions.T


def lattice(frame: np.ndarray) -> np.ndarray:
  """Returns the points at which `scatter` needs heights: float32 [P, 2], covering the visible plane."""
  return np.stack(np.meshgrid(*_axes(frame)), axis=-1).reshape(-1, 2).astype(np.float32)


def _axes(frame: np.ndarray) -> np.ndarray:
  """Returns the coordinates of the lattice lines, [2, _SURFACE]."""
  return np.linspace(*_limits(frame), _SURFACE).T


def _limits(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns the lower left and the upper right corner of the visible plane."""
  low, high = frame.min(axis=0), frame.max(axis=0)
  margin = 0.25 * np.maximum(high - low, 1e-6)
  return low - margin, high + margin


class _Figures(NamedTuple):
  """The parts of matplotlib in use: figures, a pixel canvas, a context with its default settings."""

  Figure: Any
  Canvas: Any
  settings: Callable[[], contextlib.AbstractContextManager]


_LOCK = threading.Lock()
"""Held while a figure is drawn: all threads share matplotlib's settings."""


@functools.cache
def _imported() -> _Figures:
  """Imports matplotlib, which takes about 1 s, regardless of the backend in the user's environment.

  A notebook sets a backend for its child processes, which fails if that backend is not installed.
  """
  backend = os.environ.pop('MPLBACKEND', None)
  try:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
  finally:
    if backend is not None:
      os.environ['MPLBACKEND'] = backend
  defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != 'backend'}
  return _Figures(Figure, FigureCanvasAgg, functools.partial(matplotlib.rc_context, defaults))


@contextlib.contextmanager
def _figures() -> Generator[_Figures, None, None]:
  """Yields the parts of matplotlib, under default settings instead of the user's."""
  imported = _imported()
  with _LOCK, imported.settings():
    yield imported


def scatter(
  points: Mapping[str, np.ndarray],
  frame: np.ndarray,
  heights: np.ndarray | None = None,
  title: str = '',
  projected: bool = False,
) -> np.ndarray:
  """Draws points in a plane, over the discriminator's output if that is given.

  Args:
    points: {label: [N, 2]}, drawn in this order; points outside the visible plane are cut off.
    frame: [M, 2], points that determine the visible part of the plane.
    heights: [P], the discriminator's output on the `lattice` of the frame.
    title: title of the plot.
    projected: whether the axes are principal directions, each with a separate scale.

  Returns:
    uint8 [480, 560, 3].
  """
  (left, bottom), (right, top) = _limits(frame)
  with _figures() as figures:
    figure = figures.Figure(figsize=(5.6, 4.8), dpi=100, layout='constrained')
    axes = figure.add_subplot(xlim=(left, right), ylim=(bottom, top))
    if projected:
      axes.set(xlabel='first principal direction', ylabel='second')
    else:
      axes.set_aspect('equal')
    if heights is not None:
      shaped = np.reshape(heights, (_SURFACE, _SURFACE))
      shades = axes.contourf(*_axes(frame), shaped, levels=20, cmap='Greys_r', alpha=0.7)
      figure.colorbar(shades, ax=axes, label='discriminator', shrink=0.8)
    for (label, coordinates), size in zip(points.items(), (5, 2), strict=False):
      axes.plot(*coordinates.T, '.', markersize=size, label=label)
    axes.set_title(title, fontsize=10)
    axes.legend(loc='upper right', fontsize=8)
    canvas = figures.Canvas(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def bands(
  lines: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]],
  title: str,
  framing: Collection[str] = (),
  most: int = 12,
) -> bytes:
  """Draws the curves of several runs per setting, as a PNG file.

  Args:
    lines: {setting: (steps [N], values [N]) of each run}. Where at least two runs have a value, their
      mean is drawn thick, inside a band of one standard error on both sides.
    title: title of the plot.
    framing: settings that determine the visible range; if none of them has a run, all do.
    most: number of settings that the legend names, among those with a run.
  """
  with _figures() as figures:
    figure = figures.Figure(figsize=(6.4, 4.0), dpi=100, layout='constrained')
    axes = figure.add_subplot(xlabel='step')
    named = [setting for setting, runs in lines.items() if runs][:most]
    colors = _colors(len(lines))
    for (setting, runs), color in zip(lines.items(), colors, strict=True):
      for steps, values in runs:
        axes.plot(steps, values, color=color, linewidth=0.5, alpha=0.35)
      steps, mean, error = _averaged(runs)
      axes.plot(steps, mean, color=color, linewidth=2, label=setting if setting in named else None)
      axes.fill_between(steps, mean - error, mean + error, color=color, alpha=0.25, linewidth=0)
    framed = [values for setting in framing for _, values in lines.get(setting, ())]
    if framed:
      axes.set_ylim(*_frame(np.concatenate(framed)))
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7)
    buffer = io.BytesIO()
    figures.Canvas(figure).print_png(buffer)
    return buffer.getvalue()


def _colors(count: int) -> Sequence[Any] | np.ndarray:
  """Returns `count` different colors."""
  import matplotlib

  few = matplotlib.color_sequences['tab10']
  if count <= len(few):
    return few[:count]
  return matplotlib.colormaps['turbo'](np.linspace(0, 1, count))


def _frame(values: np.ndarray) -> tuple[float, float]:
  """Returns the smallest and the largest of values, with a margin."""
  low, high = values.min(), values.max()
  margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
  return low - margin, high + margin


def _averaged(runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, ...]:
  """Returns steps, and the mean and its standard error over the runs that have a value there."""
  steps = np.unique(np.concatenate([steps for steps, _ in runs])) if runs else np.zeros(0)
  table = np.full((len(runs), len(steps)), np.nan)
  for row, (steps_of_run, values) in zip(table, runs, strict=True):
    row[np.searchsorted(steps, steps_of_run)] = values
  count = np.isfinite(table).sum(axis=0)
  mean = np.nansum(table, axis=0) / np.maximum(count, 1)
  variance = np.nansum((table - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
  return steps, mean, np.sqrt(variance / np.maximum(count, 1))
