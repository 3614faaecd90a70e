"""TensorFlow Datasets: a prepared dataset in its format, and errors of incomplete and corrupt ones.

`make test` prepares it from Debian's files; where these cannot be had, what reads it is skipped.
"""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import tensorflow_datasets as tensorflow_datasets

from gan_jax.commands import prepare_data
from gan_jax.common.errors import ConfigError
from gan_jax.data import tfds
from gan_jax.data.tfds import Name
from helpers.commands import command, finish, python
from helpers.experiments import ROOT
from helpers.prepare_fashion import CLASSES, VERSION

PREPARED = ROOT / 'build' / 'tfds'
IDX = ROOT / 'build' / 'fashion'

needs_fashion = pytest.mark.skipif(
  not (PREPARED / 'fashion_mnist' / VERSION / 'dataset_info.json').exists(),
  reason='Fashion-MNIST is not prepared; make test prepares it if Debian packages are available',
)


@pytest.fixture
def prepared(monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(PREPARED))


@pytest.fixture
def copied(tmp_path, monkeypatch):
  """Returns the folder of a copy that a test may corrupt."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  return pathlib.Path(shutil.copytree(PREPARED / 'fashion_mnist', tmp_path / 'fashion_mnist'), VERSION)


def load(suffix='fashion_mnist', **settings):
  return tfds.load(0, 64, 'auto', suffix, **{'channels': 1, **settings})


@needs_fashion
def test_images_and_labels_match_tfds(prepared):
  source = load()
  assert source.images.shape == (60_000, 28, 28, 1)
  assert source.classes == CLASSES
  np.testing.assert_array_equal(np.bincount(source.labels), np.full(10, 6000))
  whole = tensorflow_datasets.data_source('fashion_mnist', data_dir=PREPARED, split='train')
  for place in (0, 1, 59_999, *np.random.default_rng(0).integers(60_000, size=50)):
    np.testing.assert_array_equal(source.images[place], whole[place]['image'])
    assert source.labels[place] == whole[place]['label']


@needs_fashion
def test_images_match_the_original_files(prepared):
  if not IDX.exists():
    pytest.skip('the idx files are not there any more')
  original = np.frombuffer((IDX / 't10k-images-idx3-ubyte').read_bytes(), np.uint8, offset=16)
  original = original.reshape(-1, 28, 28, 1)
  found = load(split='test')
  assert found.split == 'test'
  # TFDS shuffles when it writes.
  as_rows = lambda images: np.unique(images.reshape(10_000, -1), axis=0)
  np.testing.assert_array_equal(as_rows(found.images[...]), as_rows(original))


@needs_fashion
@pytest.mark.parametrize('of', ['fashion_mnist:3.0.1', 'fashion_mnist:3.*.*'])
def test_version_is_selected_by_name(prepared, of):
  assert len(load(of, split='test[:20%]').images) == 2000


@needs_fashion
def test_batches_are_cropped_and_resized(prepared):
  source = load(split='test', size=32, channels=3, flip=True)
  batch = jax.jit(source.batch)(source.arrays, 0, np.arange(64))
  assert batch['real'].shape == (64, 32, 32, 3)
  assert batch['label'].shape == (64,)


@needs_fashion
@pytest.mark.parametrize(
  ('suffix', 'settings', 'message'),
  [
    ('fashion_mnist', {'split': 'validation'}, "split 'validation'"),
    ('fashion_mnist', {'size': -1}, 'data.size=-1: out of range'),
    (
      'fashion_mnist',
      {'split': 'test[:1%]', 'crop': 29},
      'crop, 29.*; set a crop that fits all images',
    ),
    ('fashion_mnist:2.0.0', {}, r'this version is not prepared \(prepared: 3.0.1\); prepare it'),
    ('fashion mnist', {}, 'data.name=tfds:fashion mnist: not a valid name'),
    ('', {}, 'not a valid name'),
    ('../mnist', {}, 'not a valid name'),
  ],
)
def test_invalid_settings_are_rejected(prepared, suffix, settings, message):
  with pytest.raises(ConfigError, match=message):
    load(suffix, **settings)


def test_missing_dataset_error_names_the_command(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  began = time.monotonic()
  with pytest.raises(ConfigError) as error:
    load('celeb_a')
  assert time.monotonic() - began < 5
  assert 'python -m gan_jax prepare_data --name=tfds:celeb_a' in str(error.value)
  assert f'copy its folder celeb_a in ~/tensorflow_datasets to {tmp_path}' in str(error.value)


def test_dataset_with_several_configs_requires_one(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  for config in ('bedroom', 'church'):
    (tmp_path / 'lsun' / config / '3.1.0').mkdir(parents=True)
    (tmp_path / 'lsun' / config / '3.1.0' / 'dataset_info.json').write_text('{}')
  with pytest.raises(
    ConfigError, match='several configs .prepared: tfds:lsun/bedroom, tfds:lsun/church.; name one'
  ):
    load('lsun')


def test_newest_version_is_used(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  for version in ('3.9.0', '3.10.0', '1.0.0'):
    (tmp_path / 'mnist' / version).mkdir(parents=True)
    (tmp_path / 'mnist' / version / 'dataset_info.json').write_text('{}')
  assert tfds.find(Name.parse('mnist')).name == '3.10.0'


def test_unfinished_preparation_is_ignored(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  for version in ('3.0.1', 'incomplete.9Z9Z9Z_3.0.1'):
    (tmp_path / 'mnist' / version).mkdir(parents=True)
    (tmp_path / 'mnist' / version / 'dataset_info.json').write_text('{}')
  assert tfds.find(Name.parse('mnist')).name == '3.0.1'


def test_unfinished_version_is_rejected(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  (tmp_path / 'cifar10' / '3.0.2').mkdir(parents=True)
  with pytest.raises(ConfigError, match='3.0.2 is incomplete .*; remove the folder; prepare it on a'):
    load('cifar10')


@needs_fashion
def test_label_that_is_not_a_class_is_dropped(copied):
  path = copied / 'features.json'
  features = json.loads(path.read_text())
  features['featuresDict']['features']['label'] = {
    'pythonClassName': 'tensorflow_datasets.core.features.scalar.Scalar',
    'tensor': {'shape': {}, 'dtype': 'int64', 'encoding': 'none'},
  }
  path.write_text(json.dumps(features))
  assert load(split='test[:1%]').labels is None


@needs_fashion
def test_missing_file_is_rejected(copied):
  next(copied.glob('*-train.array_record*')).unlink()
  with pytest.raises(
    ConfigError, match='is incomplete .1 of its 2 files are missing, fashion_mnist-train'
  ):
    load()


@needs_fashion
def test_truncated_file_is_rejected(copied):
  file = next(copied.glob('*-train.array_record*'))
  with open(file, 'r+b') as opened:
    opened.truncate(file.stat().st_size // 2)
  with pytest.raises(ConfigError, match=f'{copied}'):
    load()


@needs_fashion
def test_changed_byte_is_detected(copied):
  file = next(copied.glob('*-test.array_record*'))
  content = bytearray(file.read_bytes())
  content[len(content) // 2] ^= 1
  file.write_bytes(content)
  with pytest.raises(ConfigError, match='is corrupt at example .*; remove it, and prepare'):
    load(split='test')


@needs_fashion
def test_run_on_tfds_trains_and_is_scored(prepared, tmp_path):
  flags = [f'--workdir={tmp_path / "run"}', '--config.data.split=train[:2%]']
  done = command('--config=experiments/dcgan.py:fashion_mnist-test', *flags)
  assert done.returncode == 0, done.stderr
  assert 'data: 1,200 images 28 x 28 x 1 of tfds:fashion_mnist, resident' in done.stdout
  done = command(
    f'--workdir={tmp_path / "run"}',
    '--features=random',
    '--num=50',
    '--scores=frechet_distance',
    '--seed=1',
    verb='evaluate',
  )
  assert done.returncode == 0, done.stderr
  assert re.search(r'^real +1200$', done.stdout, re.MULTILINE), done.stdout


def test_unreachable_host_is_reported_at_once(monkeypatch):
  for name in ('http_proxy', 'https_proxy', 'all_proxy'):
    monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(name.upper(), raising=False)
  with socket.socket() as unused:
    unused.bind(('127.0.0.1', 0))
    port = unused.getsockname()[1]
  with pytest.raises(ConfigError, match='127.0.0.1 cannot be reached .* on a machine with'):
    prepare_data.check_hosts([f'http://127.0.0.1:{port}/data.tar.gz'])
  with socket.create_server(('127.0.0.1', 0)) as server:
    prepare_data.check_hosts([f'http://127.0.0.1:{server.getsockname()[1]}/data.tar.gz'])


def test_hanging_name_lookup_times_out(monkeypatch):
  monkeypatch.setattr(
    prepare_data.socket, 'create_connection', lambda *a: time.sleep(2) or socket.socket()
  )
  monkeypatch.setattr(prepare_data, '_SECONDS', 0.05)
  monkeypatch.setattr(prepare_data.os, 'environ', {})
  with pytest.raises(ConfigError, match=r'host.invalid cannot be reached \(no answer\)'):
    prepare_data.check_hosts(['https://host.invalid/x'])


def test_hanging_name_lookup_does_not_delay_exit():
  script = """
import os, time
from gan_jax.commands import prepare_data
prepare_data.socket.create_connection = lambda *a: time.sleep(1000)
prepare_data._SECONDS, prepare_data.os.environ = 0.05, {}
prepare_data.check_hosts(['https://host.invalid/x'])
"""
  done = finish(python('-c', script))
  assert done.returncode == 1
  assert 'cannot be reached (no answer)' in done.stderr


class Manual:
  """A builder of a dataset that must be downloaded manually."""

  name = 'imagenet2012'
  MANUAL_DOWNLOAD_INSTRUCTIONS = 'Register at\n  the site, and fetch two archives.'
  url_infos = ()


def test_manual_datasets_are_listed_with_instructions(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  message = f'manually .* into {tmp_path}/downloads/manual: Register at the site, and fetch two'
  with pytest.raises(ConfigError, match=message):
    prepare_data.prepare(Manual())


class Changed:
  """A builder whose download has an unexpected checksum."""

  name, MANUAL_DOWNLOAD_INSTRUCTIONS, url_infos = 'mnist', None, ()

  def download_and_prepare(self, **unused):
    errors = tensorflow_datasets.download.download_manager
    raise errors.NonMatchingChecksumError('http://host/x', '/tmp/x')


class Lacking(Manual):
  """A builder that finds other files than those that must be downloaded manually."""

  def download_and_prepare(self, **unused):
    raise AssertionError('ImageNet requires manual download of the data.')


def test_missing_manual_file_is_reported(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  (tmp_path / 'downloads' / 'manual').mkdir(parents=True)
  (tmp_path / 'downloads' / 'manual' / 'other.zip').write_bytes(b'x')
  with pytest.raises(ConfigError, match='imagenet2012: it cannot be prepared: ImageNet requires'):
    prepare_data.prepare(Lacking())


def test_wrong_checksum_is_reported():
  with pytest.raises(ConfigError, match='another checksum than TFDS expects, so it is corrupt or'):
    prepare_data.prepare(Changed())


def run(*flags):
  return subprocess.run(
    [sys.executable, '-m', 'gan_jax', 'prepare_data', *flags], capture_output=True, text=True, cwd=ROOT
  )


@needs_fashion
def test_command_reports_the_prepared_dataset(prepared):
  done = run('--name=tfds:fashion_mnist')
  assert done.returncode == 0, done.stderr
  assert done.stdout == f'fashion_mnist is prepared: {PREPARED / "fashion_mnist" / VERSION}\n'


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('mnist', '--name=mnist: not a dataset of TFDS (tfds:NAME); write'),
    ('tfds:celeba', "did you mean 'celeb_a'?"),
  ],
)
def test_command_with_invalid_arguments_is_rejected(tmp_path, monkeypatch, name, message):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  done = run(f'--name={name}')
  assert done.returncode == 2
  assert message in done.stderr
  assert 'Traceback' not in done.stderr


def test_missing_tensorflow_datasets_is_named_by_the_error(tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  monkeypatch.setitem(sys.modules, 'tensorflow_datasets', None)
  with pytest.raises(ConfigError, match='--name=tfds:mnist: needs the package tensorflow-datasets, '):
    prepare_data.prepare_named('tfds:mnist')
  with pytest.raises(ConfigError, match='key: needs .*; run pip install tensorflow-datasets'):
    tfds.library('key')
