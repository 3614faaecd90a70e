"""The wheel: what it holds, and the metadata of the package."""

import configparser
import io
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from gan_jax.data import mnist5k
from helpers.experiments import EXPERIMENTS, ROOT

SOURCES = ('setup.cfg', 'setup.py', 'pyproject.toml', 'README.md', 'LICENSE', 'gan_jax', 'experiments')
# The check of the version of pip, and an isolated environment, would need the network.
BUILD = ('pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index', '--quiet')


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> zipfile.ZipFile:
  """Returns the wheel built from a copy of the sources, so that no build folder is left in them."""
  pytest.importorskip('setuptools', minversion='77', reason='older ones need the package wheel')
  folder, out = tmp_path_factory.mktemp('sources'), tmp_path_factory.mktemp('wheel')
  ignored = shutil.ignore_patterns('__pycache__')
  for name in SOURCES:
    if (ROOT / name).is_dir():
      shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    else:
      shutil.copy(ROOT / name, folder / name)
  subprocess.run([sys.executable, '-m', *BUILD, '-w', str(out), '.'], cwd=folder, check=True)
  return zipfile.ZipFile(next(out.glob('*.whl')))


def test_wheel_holds_all_experiments(wheel):
  inside = {name for name in wheel.namelist() if name.startswith('gan_jax/experiments/')}
  assert inside == {f'gan_jax/experiments/{path.name}' for path in EXPERIMENTS}
  for path in EXPERIMENTS:
    assert wheel.read(f'gan_jax/experiments/{path.name}') == path.read_bytes()


def test_wheel_holds_every_file_of_the_package(wheel):
  sources = {
    str(path.relative_to(ROOT))
    for path in (ROOT / 'gan_jax').rglob('*')
    if path.is_file() and '__pycache__' not in path.parts
  }
  assert sources <= set(wheel.namelist())


def test_wheel_holds_the_digits_and_their_license(wheel):
  with np.load(io.BytesIO(wheel.read('gan_jax/data/mnist5k.npz'))) as arrays:
    np.testing.assert_array_equal(arrays['images'], mnist5k.digits()[0])
  assert 'Creative Commons' in wheel.read('gan_jax/data/mnist5k.txt').decode()


def test_wheel_defines_the_console_command(wheel):
  (name,) = (name for name in wheel.namelist() if name.endswith('entry_points.txt'))
  assert 'gan-jax = gan_jax.commands:dispatch' in wheel.read(name).decode()


def test_floors_of_versions_are_the_oldest_that_are_tested():
  setup = configparser.ConfigParser()
  setup.read(ROOT / 'setup.cfg')
  floors = dict(re.findall(r'^([\w-]+)>=([\d.]+)$', setup['options']['install_requires'], re.M))
  oldest = dict(re.findall(r'^([\w-]+)==([\d.]+)', (ROOT / 'tests' / 'oldest.txt').read_text(), re.M))
  # Versions that TensorFlow Datasets needs, and does not require.
  assert oldest.keys() - floors.keys() == {'protobuf', 'tensorflow-metadata'}
  assert floors.keys() <= oldest.keys()
  for name, floor in floors.items():
    # A floor of 3.10 is the version 3.10.0.
    assert f'{oldest[name]}.'.startswith(f'{floor}.'), name
