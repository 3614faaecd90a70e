import shutil

import numpy as np
import pytest
from PIL import Image

from gan_jax.common import plots
from gan_jax.storage import load_run
from helpers.commands import command


def draw(folder, out, *flags):
  return command(f'--workdir={folder}', f'--out={out}', *flags, verb='sample')


def read(path):
  with np.load(path) as file:
    return file['images']


@pytest.fixture(scope='module')
def drawn(finished_run, tmp_path_factory):
  """130 samples, more than a batch."""
  out = tmp_path_factory.mktemp('drawn') / 'samples.npz'
  done = draw(finished_run, out, '--num=130')
  assert done.returncode == 0, done.stderr
  assert done.stderr == ''
  assert f'{out}: 130 samples of step 8, seed 0' in done.stdout
  return read(out)


def test_sample_to_npz_writes_arrays(drawn):
  assert drawn.shape == (130, 28, 28, 1)
  assert drawn.dtype == np.uint8
  assert drawn.std() > 0
  assert len(np.unique(drawn.reshape(130, -1), axis=0)) == 130


def test_sample_depends_only_on_seed_and_index(finished_run, drawn):
  game, variables, _ = load_run.load(finished_run)
  few = np.concatenate(list(load_run.draw(game, variables, 7, seed=0)))
  np.testing.assert_array_equal(few, drawn[:7])
  other = np.concatenate(list(load_run.draw(game, variables, 7, seed=1)))
  assert (other != few).any()


def test_sample_matches_the_snapshot_of_training(finished_run, drawn, tmp_path):
  picture = np.asarray(Image.open(finished_run / 'samples' / 'step_00000008.png'))
  out = tmp_path / 'grid.png'
  assert draw(finished_run, out).returncode == 0
  grid = np.asarray(Image.open(out))
  np.testing.assert_array_equal(grid, plots.grid(drawn[:64]))
  assert draw(finished_run, out, '--noema').returncode == 0
  raw = np.asarray(Image.open(out))
  assert (raw != grid).any()
  height, width = grid.shape[:2]
  np.testing.assert_array_equal(picture[-height:, :width], grid)
  np.testing.assert_array_equal(picture[-height:, -width:], raw)


def test_sample_to_a_folder_writes_pngs(finished_run, drawn, tmp_path):
  out = f'{tmp_path}/pictures/'
  assert draw(finished_run, out, '--num=102').returncode == 0
  files = sorted((tmp_path / 'pictures').iterdir())
  assert [f.name for f in files] == [f'{i:06}.png' for i in range(102)]
  np.testing.assert_array_equal(np.asarray(Image.open(files[101])), drawn[101, ..., 0])
  again = draw(finished_run, out)
  assert again.returncode == 2
  assert 'the folder is not empty; choose another' in again.stderr


def test_sample_needs_only_the_run_folder(finished_run, drawn, tmp_path):
  folder = tmp_path / 'elsewhere'
  shutil.copytree(finished_run / 'checkpoints', folder / 'checkpoints')
  shutil.copy(finished_run / 'config.json', folder)
  game, variables, step = load_run.load(folder, step=8)
  assert step == 8
  got = np.concatenate(list(load_run.draw(game, variables, 5, seed=0)))
  np.testing.assert_array_equal(got, drawn[:5])


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--step=5'], 'step=5: no such checkpoint (4, 8); change the step'),
    (['--num=0'], '--num=0: out of range (at least 1)'),
    (['--num=3000'], '--num=3000: too many for a grid (at most 2500)'),
    (['--out=grid.jpg'], '--out=grid.jpg: unknown kind of output (FILE.png, FILE.npz, or FOLDER/)'),
    (['--out=/proc/none/grid.png'], '--out=/proc/none/grid.png: cannot write to it'),
    (['--workdir=nowhere'], 'nowhere: no such folder'),
  ],
)
def test_invalid_arguments_are_rejected(finished_run, tmp_path, flags, message):
  done = draw(finished_run, tmp_path / 'grid.png', *flags)
  assert done.returncode == 2
  assert message in done.stderr
  assert len(done.stderr.splitlines()) == 1


def test_run_without_checkpoints_is_rejected(finished_run, tmp_path):
  shutil.copy(finished_run / 'config.json', tmp_path)
  done = draw(tmp_path, tmp_path / 'grid.png')
  assert done.returncode == 2
  assert 'the run has no checkpoint in' in done.stderr
