"""Pictures of samples."""

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
  """Images side by side, row by row; small ones with every pixel twice as wide and high.

  Args:
    images: uint8 [N, height, width, 1 or 3].
    columns: images in a row; None for a square.

  Returns:
    uint8 [rows * (height + gap) + gap, columns * (width + gap) + gap, 3], heights as drawn.
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
  """Grids of one height side by side, each under its caption."""
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
  """How to look at points [N, D] in a plane: [M, D] -> [M, 2].

  Two coordinates as they are, more of them along the two directions in which `points` vary most.
  """
  if points.shape[1] == 2:
    return lambda x: np.asarray(x)
  center = points.mean(axis=0)
  directions = np.linalg.svd(points - center, full_matrices=False)[2][:2]
  return lambda x: (np.asarray(x) - center) @ directions.T


def lattice(frame: np.ndarray) -> np.ndarray:
  """Where `scatter` wants to know heights: float32 [P, 2], all over what it shows of the plane."""
  return np.stack(np.meshgrid(*_axes(frame)), axis=-1).reshape(-1, 2).astype(np.float32)


def _axes(frame: np.ndarray) -> np.ndarray:
  """Where the lines of the lattice are, [2, _SURFACE]."""
  return np.linspace(*_limits(frame), _SURFACE).T


def _limits(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The lower left and the upper right corner of what is shown."""
  low, high = frame.min(axis=0), frame.max(axis=0)
  margin = 0.25 * np.maximum(high - low, 1e-6)
  return low - margin, high + margin


class _Figures(NamedTuple):
  """What matplotlib draws with: its figures, a canvas of pixels, a context with its own settings."""

  Figure: Any
  Canvas: Any
  settings: Callable[[], contextlib.AbstractContextManager]


_ALONE = threading.Lock()
"""Held while a figure is drawn: matplotlib's settings belong to all threads."""


@functools.cache
def _imported() -> _Figures:
  """Imports matplotlib, which takes about 1 s, whatever backend the user's environment names.

  A notebook names a backend for its children that matplotlib refuses where that is not installed.
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
  """Gives what to draw with, under matplotlib's own settings in place of those of the user."""
  imported = _imported()
  with _ALONE, imported.settings():
    yield imported


def scatter(
  points: Mapping[str, np.ndarray],
  frame: np.ndarray,
  heights: np.ndarray | None = None,
  title: str = '',
  projected: bool = False,
) -> np.ndarray:
  """Points in a plane, over the discriminator's output if that is given.

  Args:
    points: {what they are: [N, 2]}, drawn in turn; those outside the picture are not shown.
    frame: [M, 2], points that decide what part of the plane is shown.
    heights: [P], the discriminator's output on the `lattice` of the frame.
    title: above it.
    projected: the axes are the directions in which the points vary most, each with a scale of its own.

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
    for (label, those), size in zip(points.items(), (5, 2), strict=False):
      axes.plot(*those.T, '.', markersize=size, label=label)
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
  """Curves of several runs of several kinds, as a PNG file.

  Args:
    lines: {kind: (steps [N], values [N]) of each run}. Their mean, where two runs or more are, is thick
      and in a band of one standard error to both sides.
    title: above them.
    framing: kinds that decide what heights are shown; if none of them has a run, all do.
    most: kinds that the legend names, if they have a run.
  """
  with _figures() as figures:
    figure = figures.Figure(figsize=(6.4, 4.0), dpi=100, layout='constrained')
    axes = figure.add_subplot(xlabel='step')
    named = [kind for kind, runs in lines.items() if runs][:most]
    colors = _colors(len(lines))
    for (kind, runs), color in zip(lines.items(), colors, strict=True):
      for steps, values in runs:
        axes.plot(steps, values, color=color, linewidth=0.5, alpha=0.35)
      steps, mean, error = _averaged(runs)
      axes.plot(steps, mean, color=color, linewidth=2, label=kind if kind in named else None)
      axes.fill_between(steps, mean - error, mean + error, color=color, alpha=0.25, linewidth=0)
    shown = [values for kind in framing for _, values in lines.get(kind, ())]
    if shown:
      axes.set_ylim(*_frame(np.concatenate(shown)))
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7)
    buffer = io.BytesIO()
    figures.Canvas(figure).print_png(buffer)
    return buffer.getvalue()


def _colors(count: int) -> Sequence[Any] | np.ndarray:
  """One for each of so many, all different."""
  import matplotlib

  few = matplotlib.color_sequences['tab10']
  if count <= len(few):
    return few[:count]
  return matplotlib.colormaps['turbo'](np.linspace(0, 1, count))


def _frame(values: np.ndarray) -> tuple[float, float]:
  """The least and the greatest of values, with a margin."""
  low, high = values.min(), values.max()
  margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
  return low - margin, high + margin


def _averaged(runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, ...]:
  """Steps, and the mean and its standard error over the runs that have a value there."""
  steps = np.unique(np.concatenate([steps for steps, _ in runs])) if runs else np.zeros(0)
  found = np.full((len(runs), len(steps)), np.nan)
  for row, (own, values) in zip(found, runs, strict=True):
    row[np.searchsorted(steps, own)] = values
  count = np.isfinite(found).sum(axis=0)
  mean = np.nansum(found, axis=0) / np.maximum(count, 1)
  spread = np.nansum((found - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
  return steps, mean, np.sqrt(spread / np.maximum(count, 1))
