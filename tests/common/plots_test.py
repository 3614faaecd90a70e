import io
import json
import os
import subprocess
import sys
from concurrent import futures

import matplotlib
import numpy as np
import pytest
from cycler import cycler
from PIL import Image

from gan_jax.common import pixels, plots
from gan_jax.storage import metrics_log


def test_to_bytes_rounds_and_clips():
  values = np.array([-2, -1, -1 + 1 / 255, 0.999, 1, 3])
  np.testing.assert_array_equal(pixels.to_bytes(values), [0, 0, 0, 255, 255, 255])
  every = np.arange(256)
  np.testing.assert_array_equal(pixels.to_bytes((2 * every - 255) / 255), every)


def test_grid_places_every_image_in_order(tmp_path):
  images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 64, 66, 1), np.uint8)
  grid = plots.grid(images)
  assert grid.shape == (2 * 66 + 2, 3 * 68 + 2, 3)
  for i in range(5):
    row, column = divmod(i, 3)
    assert (grid[2 + 66 * row :, 2 + 68 * column :][:64, :66] == i).all()
  pixels.save_png(tmp_path / 'grid.png', grid)
  np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'grid.png')), grid)


def test_small_images_are_enlarged():
  image = np.array([[1, 2], [3, 4]], np.uint8)[None, :, :, None]
  grid = plots.grid(image)
  np.testing.assert_array_equal(grid[2:6, 2:6, 0], np.kron(image[0, ..., 0], np.ones((2, 2))))


def test_projected_points_of_unequal_spread_fill_the_plot():
  square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
  even = plots.scatter({'real': square}, square, projected=True)
  wide = plots.scatter({'real': square * [1000, 1]}, square * [1000, 1], projected=True)
  rows = lambda picture: np.flatnonzero(_blue(picture).any(axis=1))
  assert np.ptp(rows(even)) > 200
  assert abs(np.ptp(rows(wide)) - np.ptp(rows(even))) < 20
  flat = plots.scatter({'real': square * [1000, 1]}, square * [1000, 1])
  assert np.ptp(rows(flat)[rows(flat) > 100]) < 20


def _blue(picture):
  return (picture[..., 2] > 150) & (picture[..., 0] < 80)


def test_captions_are_above_their_grids():
  black, gray = np.zeros((30, 40, 3), np.uint8), np.full((30, 50, 3), 99, np.uint8)
  page = plots.captioned({'left': black, 'right': gray})
  np.testing.assert_array_equal(page[-30:, :40], black)
  np.testing.assert_array_equal(page[-30:, -50:], gray)
  assert (page[:-30] < 128).any()


def test_metrics_log_resumed_at_a_step_drops_later_lines(tmp_path):
  def written():
    return [json.loads(line) for line in (tmp_path / metrics_log.METRICS).read_text().splitlines()]

  metrics = metrics_log.Metrics.open(tmp_path, 0)
  for step in (1, 2, 3):
    metrics.write({'step': step, 'time': step / 2, 'loss': 0.5})
  metrics.close()
  with open(tmp_path / metrics_log.METRICS, 'a') as file:
    file.write('{"step": 4, "time": 2.0, "lo')
  again = metrics_log.Metrics.open(tmp_path, 2)
  assert again.time == 1.0
  again.write({'step': 3, 'time': 9.0, 'loss': 0.25})
  again.close()
  assert [(m['step'], m['loss']) for m in written()] == [(1, 0.5), (2, 0.5), (3, 0.25)]


def test_curves_are_scaled_by_the_metrics_that_frame_them():
  steps = np.arange(10)
  tame, wild = (steps, steps / 10), (steps, 1e12 * steps)
  whole = plots.bands({'a': [tame], 'b': [wild]}, 'loss')
  framed = plots.bands({'a': [tame], 'b': [wild]}, 'loss', framing={'a'})
  rows = [np.flatnonzero(_is_blue(picture).any(axis=1)) for picture in (whole, framed)]
  assert np.ptp(rows[0]) < 20 < 100 < np.ptp(rows[1])
  assert plots.bands({'b': [wild]}, 'loss', framing={'a'}) == plots.bands({'b': [wild]}, 'loss')


def test_curves_of_many_metrics_have_distinct_colors():
  steps = np.arange(10)
  kinds = {str(kind): [(steps, kind + steps), (steps, kind + steps)] for kind in range(12)}
  image = Image.open(io.BytesIO(plots.bands(kinds, 'loss'))).convert('RGB')
  common = {color for count, color in image.getcolors(2**16) if count > 300}
  assert len([color for color in common if max(color) - min(color) > 30]) >= 12


def _is_blue(png):
  """Where a picture has the first kind's color, in the half without a legend."""
  image = np.asarray(Image.open(io.BytesIO(png)).convert('RGB')).astype(int)[:, 300:]
  return (image[..., 2] - image[..., 0] > 100) & (abs(image[..., 1] - 119) < 20)


def test_scatter_under_a_notebook_backend_is_drawn():
  script = (
    'import os\n'
    'import numpy as np\n'
    'from gan_jax.common import plots\n'
    'points = np.zeros((3, 2))\n'
    'print(plots.scatter({"real": points}, points).shape, os.environ["MPLBACKEND"])\n'
  )
  backend = 'module://no_such_package.backend'
  done = subprocess.run(
    [sys.executable, '-c', script],
    env=os.environ | {'MPLBACKEND': backend},
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.stdout == f'(480, 560, 3) {backend}\n', done.stderr


THEIRS = {
  'figure.facecolor': 'black',
  'figure.dpi': 37,
  'savefig.dpi': 37,
  'font.size': 30,
  'lines.markersize': 20,
  'axes.prop_cycle': cycler(color=['#00ff00']),
  'text.usetex': True,
  'axes.spines.top': False,
}


@pytest.mark.filterwarnings('error')
def test_figures_under_settings_of_the_user_are_the_same():
  points = np.random.default_rng(0).normal(size=(20, 2))
  lines = {'a': [(np.arange(4), np.arange(4.0)), (np.arange(4), np.arange(4.0) ** 2)]}
  heights = np.ones(len(plots.lattice(points))).cumsum()

  def drawn():
    return plots.scatter({'real': points}, points, heights, 'title'), plots.bands(lines, 'title')

  usual = drawn()
  with matplotlib.rc_context(THEIRS):
    other = drawn()
    assert matplotlib.rcParams['font.size'] == 30
  np.testing.assert_array_equal(other[0], usual[0])
  assert other[1] == usual[1]


def test_figures_drawn_by_two_threads_keep_the_settings_of_the_user():
  points = np.random.default_rng(0).normal(size=(20, 2))
  draw = lambda _: plots.scatter({'real': points}, points)
  usual = draw(0)
  with matplotlib.rc_context(THEIRS), futures.ThreadPoolExecutor(2) as threads:
    for picture in threads.map(draw, range(6)):
      np.testing.assert_array_equal(picture, usual)
    assert matplotlib.rcParams['font.size'] == 30
