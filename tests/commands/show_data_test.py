"""The command that shows data."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.commands import show_data
from gan_jax.common.errors import ConfigError
from helpers.commands import command
from helpers.experiments import ROOT, experiment

DCGAN = ROOT / 'experiments' / 'dcgan.py'


def run(tmp_path, *flags, name='dcgan', preset='test', **settings):
  config = f'--config=experiments/{name}.py:{preset}'
  return command(config, f'--out={tmp_path / "out.png"}', *flags, verb='show_data', **settings)


def test_show_data_of_digits_writes_a_grid(tmp_path):
  done = run(tmp_path, '--num=20')
  assert done.returncode == 0, done.stderr
  said = done.stdout.splitlines()
  assert said[0].startswith('data:    5,000 images 28 x 28 x 1 of mnist5k, resident on each device')
  assert said[1:3] == ['split:   train', 'shape:   28 x 28 x 1, float32']
  assert said[3].startswith('range:   -1.000 to 1.000, mean -0.7')
  assert said[4] == 'labels:  10 classes in 5,000 examples'
  assert [line.split()[:2] for line in said[5:15]] == [[str(digit), '500'] for digit in range(10)]
  with Image.open(tmp_path / 'out.png') as picture:
    # Twenty of 56 pixels, in five columns.
    assert picture.size == (5 * 58 + 2, 4 * 58 + 2)
    assert np.asarray(picture).std() > 30


def test_show_data_of_points_writes_a_plot(tmp_path):
  done = run(tmp_path, preset='ring-test')
  assert done.returncode == 0, done.stderr
  assert 'sampled for every batch' in done.stdout
  with Image.open(tmp_path / 'out.png') as picture:
    assert picture.size == (560, 480)


def test_show_data_with_augmentation_shows_both(tmp_path):
  done = run(tmp_path, '--num=4', name='diffaugment')
  assert done.returncode == 0, done.stderr
  with Image.open(tmp_path / 'out.png') as picture:
    pixels = np.asarray(picture)[20:]
  # Two grids of two columns, 8 pixels apart.
  assert pixels.shape[:2] == (118, 2 * 118 + 8)
  left, right = pixels[:, :118], pixels[:, 126:]
  assert (left != right).mean() > 0.3


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'data.name': 'folder:/none'}, 'data.name=folder:/none: no such folder or zip archive'),
    ({'data.name': 'folder'}, "data.name='folder': incomplete; write folder:NAME"),
    ({'data.name': 'mnist5k:x'}, "data.name='mnist5k:x': takes nothing after a colon; write 'mnist5k'"),
    ({'placement': 'disk'}, r"placement='disk': unknown \(one of: auto, resident, stream\)"),
  ],
)
def test_invalid_arguments_are_rejected(tmp_path, changes, message):
  with pytest.raises(ConfigError, match=message):
    show_data.show(experiment(DCGAN, **changes), tmp_path / 'out.png', 4)


def test_invalid_output_paths_are_rejected(tmp_path):
  config = experiment(DCGAN)
  with pytest.raises(ConfigError, match='x.jpg: not a PNG file'):
    show_data.show(config, tmp_path / 'x.jpg', 4)
  with pytest.raises(ConfigError, match='--num=0: out of range .at least 1.'):
    show_data.show(config, tmp_path / 'out.png', 0)
  with pytest.raises(ConfigError, match='--out=.*: cannot write to it \\(No such file'):
    show_data.show(config, tmp_path / 'none' / 'x.png', 4)


def test_command_with_invalid_arguments_ends_with_one_line(tmp_path):
  done = command('--config=experiments/dcgan.py:test', f'--out={tmp_path / "x.jpg"}', verb='show_data')
  assert done.returncode == 2
  assert done.stderr.strip().endswith('x.jpg: not a PNG file (FILE.png); change --out')
  assert 'Traceback' not in done.stderr
