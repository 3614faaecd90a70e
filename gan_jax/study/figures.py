"""The figures of a study: sheets of samples, and curves of every metric."""

import pathlib
from collections.abc import Sequence

import numpy as np

from gan_jax.common import files, pixels, plots
from gan_jax.storage import metrics_log
from gan_jax.study.member_run import TILE
from gan_jax.study.result import SettingResult, StudyResult
from gan_jax.visualization import page
from gan_jax.visualization.page import curves

_COLUMNS = 5

ABOUT_SHEETS = 'Uncurated, from averaged weights if the run has them.'
ABOUT_CURVES = (
  'Thin lines are single seeds; a thick line is the mean of those with a value, in a band of one '
  'standard error. Losses end where a run diverges. The vertical range is that of the settings '
  'without a diverged run, if any.'
)


def draw_curves(folder: pathlib.Path, study: StudyResult) -> dict[str, bytes]:
  """Draws a picture of each metric: thin lines for seeds, a thick one with a band for their mean.

  The vertical range is that of the settings without a diverged run, so that a setting that explodes
  does not flatten them.

  Returns:
    {metric: PNG file}.
  """
  lines = {
    setting.label: [
      curves.collected(page.read_lines(run.folder / metrics_log.METRICS)) for run in setting.runs
    ]
    for setting in study.settings
  }
  framing = {setting.label for setting in study.settings if not setting.diverged}
  names = sorted({name for runs in lines.values() for series in runs for name in series})
  folder.mkdir(exist_ok=True)
  pictures = {}
  for name in names:
    series = {
      label: [run[name] for run in runs if name in run and len(run[name][0]) > 1]
      for label, runs in lines.items()
    }
    if any(series.values()):
      pictures[name] = plots.bands(series, curves.readable(name), framing)
      files.write_atomic(folder / f'{name.replace("/", "_")}.png', pictures[name])
  return pictures


def draw_sheets(folder: pathlib.Path, study: StudyResult) -> dict[str, bytes]:
  """Draws a sheet per setting with uncurated samples of every seed.

  Returns:
    {setting: PNG file}.
  """
  folder.mkdir(exist_ok=True)
  pictures = {}
  for setting in study.settings:
    pictures[setting.label] = _sheet(setting)
    files.write_atomic(folder / f'{setting.label}.png', pictures[setting.label])
  return pictures


def _sheet(setting: SettingResult) -> bytes:
  tiles = [(f'seed {run.seed}', pixels.read_png(run.folder / TILE)) for run in setting.runs]
  firsts = range(0, len(tiles), _COLUMNS)
  return pixels.png(_stacked([plots.captioned(dict(tiles[i : i + _COLUMNS])) for i in firsts]))


def _stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
  width = max(row.shape[1] for row in rows)
  padded = [
    np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows
  ]
  return np.concatenate(padded)
