"""Pictures and scores of a run on points, and samples out of it."""

import importlib.metadata
import io
import json
import threading

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.common import pixels, plots, rng
from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.metrics import mode_coverage
from gan_jax.run import setup
from gan_jax.storage import load_run, metrics_log, workdir
from gan_jax.visualization import snapshots
from helpers.commands import command, finish, python
from helpers.crash_at import CODE, crash_at
from helpers.experiments import ROOT, experiment

RING = '--config=experiments/gan.py:ring-test'
SIZE = (560, 480)


def lines(folder):
  found = [json.loads(line) for line in (folder / metrics_log.METRICS).read_text().splitlines()]
  return [{k: v for k, v in line.items() if k != 'time' and '_per_second' not in k} for line in found]


def names(folder):
  return sorted(path.name for path in (folder / workdir.SAMPLES).iterdir())


def draw(folder, out, *flags):
  return command(f'--workdir={folder}', f'--out={out}', *flags, verb='sample')


@pytest.fixture(scope='module')
def ring_run(tmp_path_factory):
  """The folder of a run on the ring, with what it printed."""
  folder = tmp_path_factory.mktemp('ring')
  done = command(RING, f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  return folder, done.stdout


def test_snapshots_are_saved_at_the_start_and_every_interval(ring_run):
  folder, _ = ring_run
  assert names(folder) == [f'step_{step:08}.png' for step in (0, 4, 8)]
  for path in (folder / workdir.SAMPLES).iterdir():
    with Image.open(path) as picture:
      assert (picture.size, picture.mode) == (SIZE, 'RGB')


def test_film_contains_all_snapshots(ring_run):
  folder, _ = ring_run
  with Image.open(folder / workdir.FILM) as film:
    assert film.format == 'GIF'
    assert film.n_frames == 3
    assert film.size == SIZE


def test_scores_are_logged_with_every_snapshot_but_the_first(ring_run):
  folder, said = ring_run
  scored = [line for line in lines(folder) if any(name.startswith('modes/') for name in line)]
  assert [line['step'] for line in scored] == [4, 8]
  for line in scored:
    assert set(line) == {'step', 'modes/captured', 'modes/high_quality', 'modes/reverse_kl', 'card'}
  assert said.count('  modes/captured ') == 2


def test_scores_match_the_saved_weights(ring_run):
  folder, _ = ring_run
  game, variables, step = load_run.load(folder)
  samples = jax.jit(game.sample)(variables, rng.sample_keys(0, 0, mode_coverage.SAMPLES))
  source = load_run.source(workdir.read_config(folder))
  wanted = {f'modes/{k}': float(v) for k, v in mode_coverage.scores(samples, *source.modes).items()}
  found = lines(folder)[-1]
  # Tests compile without most optimizations.
  assert found['card'].pop('jax_settings').startswith('JAX_DISABLE_MOST_OPTIMIZATIONS=True')
  assert found.pop('card') == {
    'data': 'ring',
    'generated': mode_coverage.SAMPLES,
    'seed': 0,
    'weights': 'averaged',
    'version': importlib.metadata.version('gan_jax'),
    'step': step,
  }
  assert found == pytest.approx({'step': step, **wanted}, rel=1e-4)


def test_crash_between_scores_and_checkpoint_duplicates_no_line(ring_run, tmp_path):
  # The first checkpoint is that of step 4, the second one that of step 8.
  crash = crash_at('gan_jax.storage.checkpoints:Checkpoints', 'save', count=2)
  flags = (RING, f'--workdir={tmp_path}')
  crashed = finish(python(*crash, *flags))
  assert crashed.returncode == CODE, crashed.stderr
  assert [line['step'] for line in lines(tmp_path)] == [2, 4, 4, 6, 8, 8]
  done = command(*flags)
  assert done.returncode == 0, done.stderr
  folder, _ = ring_run
  assert lines(tmp_path) == lines(folder)
  assert names(tmp_path) == names(folder)
  assert (tmp_path / workdir.FILM).read_bytes() == (folder / workdir.FILM).read_bytes()


def test_samples_of_points_are_written_as_npz(ring_run, tmp_path):
  folder, _ = ring_run
  out = tmp_path / 'samples.npz'
  done = draw(folder, out, '--num=130', '--seed=3')
  assert done.returncode == 0, done.stderr
  with np.load(out) as file:
    assert file.files == ['points']
    points = file['points']
  assert points.shape == (130, 2)
  assert points.dtype == np.float32
  game, variables, _ = load_run.load(folder)
  wanted = jax.jit(game.sample)(variables, rng.sample_keys(3, 0, 130))
  np.testing.assert_allclose(points, wanted, rtol=1e-5, atol=1e-6)


def test_samples_of_points_are_written_as_a_png_plot(ring_run, tmp_path):
  out = tmp_path / 'samples.png'
  done = draw(ring_run[0], out, '--num=50')
  assert done.returncode == 0, done.stderr
  with Image.open(out) as picture:
    assert picture.size == SIZE
    assert np.asarray(picture).std() > 0


def test_samples_of_points_into_a_folder_are_rejected(ring_run, tmp_path):
  done = draw(ring_run[0], f'{tmp_path}/pictures/')
  assert done.returncode == 2
  assert done.stderr.endswith(
    ': this run generates points, not images; write FILE.npz, or FILE.png for a plot\n'
  )
  assert not (tmp_path / 'pictures').exists()


def drawn(preset, name='lsgan'):
  config = experiment(ROOT / 'experiments' / f'{name}.py', preset)
  built = setup.assemble_run(parse(config))
  batch = build.make_batch(built.source, config['batch_size'])
  draw = snapshots.drawer(built.game, built.source, batch, config['seed'], bool(config['ema']))
  make, scores = draw(setup.initial_state(built))
  return make(), scores


def test_points_without_modes_are_drawn_and_not_scored():
  picture, scores = drawn('swiss_roll-test')
  assert picture.shape == (*SIZE[::-1], 3)
  assert scores == {}


def test_points_of_many_coordinates_are_projected_and_scored():
  picture, scores = drawn('mixture_1200-test')
  assert picture.shape == (*SIZE[::-1], 3)
  assert set(scores) == {'modes/captured', 'modes/high_quality', 'modes/reverse_kl'}


def test_game_without_a_critic_is_drawn_without_a_surface():
  picture, _ = drawn('ring-test', 'pacgan')
  assert picture.shape == (*SIZE[::-1], 3)


@pytest.mark.parametrize(('count', 'frames'), [(2, 2), (100, 100), (140, 100)])
def test_film_has_at_most_100_frames_with_first_and_last(tmp_path, count, frames):
  for step in range(count):
    # Each frame has another gray: equal frames would be merged.
    pixels.save_png(tmp_path / f'step_{step:08}.png', np.full((4, 4, 3), step, np.uint8))
  with Image.open(io.BytesIO(snapshots.animate(tmp_path))) as film:
    assert film.n_frames == frames
    shades = []
    for frame in range(frames):
      film.seek(frame)
      shades.append(int(np.asarray(film.convert('L'))[0, 0]))
  assert (shades[0], shades[-1]) == (0, count - 1)
  assert shades == sorted(set(shades))


@pytest.mark.parametrize('count', [0, 1])
def test_film_of_one_snapshot_is_not_written(tmp_path, count):
  for step in range(count):
    pixels.save_png(tmp_path / f'step_{step:08}.png', np.zeros((4, 4, 3), np.uint8))
  assert snapshots.animate(tmp_path) is None


def test_planar_points_are_not_projected():
  points = np.array([[1.0, 2.0], [-3.0, 4.0], [0.5, 0.0]])
  np.testing.assert_array_equal(plots.plane(points)(points), points)


def test_points_of_five_dimensions_are_projected_onto_the_two_largest_variances():
  # Along two directions at right angles by 3 and 2, by a little along the third.
  directions = np.array([[0.6, 0, 0.8, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1]])
  places = np.array([[3, 0, 0], [-3, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 0.1], [0, 0, -0.1]])
  center = np.arange(5.0)
  look = plots.plane(center + places @ directions)
  seen = look(center + places @ directions)
  assert seen.shape == (6, 2)
  np.testing.assert_allclose(abs(seen), abs(places[:, :2]), atol=1e-9)
  np.testing.assert_allclose(look(center[None]), [[0, 0]], atol=1e-9)


def test_scatter_shows_points_and_surface():
  frame = np.array([[-1.0, -1.0], [1.0, 1.0]])
  one = {'real': frame}
  plain = plots.scatter(one, frame)
  assert plain.shape == (*SIZE[::-1], 3)
  assert plain.dtype == np.uint8
  lattice = plots.lattice(frame)
  shaded = plots.scatter(one, frame, lattice.sum(axis=1))
  assert (shaded != plain).any()
  # A margin of a quarter of the frame on every side.
  np.testing.assert_allclose([lattice.min(axis=0), lattice.max(axis=0)], [[-1.5] * 2, [1.5] * 2])


def test_snapshot_is_saved_in_the_background(tmp_path):
  ready, saver = threading.Event(), snapshots.Saver(tmp_path, lambda step, image: None)
  gray = np.full((4, 5, 3), 128, np.uint8)
  saver.save(7, lambda: ready.wait(60) and gray)
  assert not list(tmp_path.iterdir())
  ready.set()
  saver.wait()
  np.testing.assert_array_equal(pixels.read_png(tmp_path / 'step_00000007.png'), gray)
  saver.close()


def test_snapshot_error_is_raised_once_by_the_next_snapshot(tmp_path):
  saver, gray = (
    snapshots.Saver(tmp_path / 'absent', lambda step, image: None),
    np.full((4, 5, 3), 128, np.uint8),
  )
  for raises in (saver.wait, lambda: saver.save(2, lambda: gray)):
    saver.save(1, lambda: gray)
    with pytest.raises(FileNotFoundError):
      raises()
  saver.wait()
  saver.close()
