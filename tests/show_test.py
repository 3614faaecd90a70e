"""The command that shows data."""

import numpy as np
import pytest
from conftest import command
from PIL import Image


def show(tmp_path, *flags, experiment='dcgan', preset='test', **settings):
  config = f'--config=experiments/{experiment}.py:{preset}'
  return command(config, f'--out={tmp_path / "out.png"}', *flags, module='data.show', **settings)


def test_digits(tmp_path):
  done = show(tmp_path, '--num=20')
  assert done.returncode == 0, done.stderr
  said = done.stdout.splitlines()
  assert said[0].startswith('data:    5,000 images 28 x 28 x 1 of mnist5k, resident on each device')
  assert said[1:3] == ['split:   train', 'shape:   28 x 28 x 1, float32']
  assert said[3].startswith('range:   -1.000 to 1.000, mean -0.7')
  assert said[4] == 'labels:  10 kinds in 5,000 examples'
  assert [line.split()[:2] for line in said[5:15]] == [[str(digit), '500'] for digit in range(10)]
  with Image.open(tmp_path / 'out.png') as picture:
    # Twenty of 56 pixels, in five columns.
    assert picture.size == (5 * 58 + 2, 4 * 58 + 2)
    assert np.asarray(picture).std() > 30


def test_points(tmp_path):
  done = show(tmp_path, preset='ring-test')
  assert done.returncode == 0, done.stderr
  assert 'drawn afresh for every batch' in done.stdout
  with Image.open(tmp_path / 'out.png') as picture:
    assert picture.size == (560, 480)


def test_what_a_game_augments_is_beside(tmp_path):
  done = show(tmp_path, '--num=4', experiment='diffaugment')
  assert done.returncode == 0, done.stderr
  with Image.open(tmp_path / 'out.png') as picture:
    pixels = np.asarray(picture)[20:]
  # Two grids of two columns, 8 pixels apart.
  assert pixels.shape[:2] == (118, 2 * 118 + 8)
  left, right = pixels[:, :118], pixels[:, 126:]
  assert (left != right).mean() > 0.3


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--out=x.jpg'], '--out is x.jpg; it must end in .png'),
    (['--out=no/such/folder/x.png'], '--out: cannot write no/such/folder/x.png (No such file'),
    (['--num=0'], '--num is 0; it must be at least 1'),
    (['--config.data.name=folder:/none'], "data: there is no folder '/none'"),
    (['--config.data.name=folder'], "data: name is 'folder'; say which: folder:..."),
    (['--config.data.name=mnist5k:x'], "data: name is 'mnist5k:x'; write it as 'mnist5k'"),
    (['--config.placement=disk'], "placement is 'disk'; it must be one of: auto, resident, stream"),
  ],
)
def test_refused(tmp_path, flags, message):
  done = show(tmp_path, *flags)
  assert done.returncode == 2
  assert message in done.stderr
  assert 'Traceback' not in done.stderr
