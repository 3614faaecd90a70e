"""Users without a home folder, with a read-only one, and paths that begin with a tilde."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

from gan_jax.common import cache, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.data import tfds
from helpers.commands import command
from helpers.experiments import ROOT

NOBODY = 54_321
"""A user id that no account has."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason='only root can become another user')

_BECOME = [
  'setpriv',
  f'--reuid={NOBODY}',
  '--clear-groups',
  '--inh-caps=-all,+dac_read_search',
  '--ambient-caps=-all,+dac_read_search',
]
"""Runs a command as NOBODY, who may read the Python of root."""


@pytest.fixture
def homeless(monkeypatch, tmp_path):
  """A user without an account, with a separate folder for temporary files."""
  for name in ('HOME', cache.VARIABLE, 'TFDS_DATA_DIR'):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setattr(os.path, 'expanduser', lambda path: path)
  monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
  monkeypatch.chdir(tmp_path)
  return tmp_path / f'gan_jax-{os.geteuid()}'


def test_cache_with_a_home_is_in_the_home(monkeypatch, tmp_path):
  monkeypatch.delenv(cache.VARIABLE, raising=False)
  monkeypatch.setenv('HOME', str(tmp_path))
  assert cache.folder() == tmp_path / '.cache/gan_jax'


@pytest.mark.parametrize('named', ['~/c', '{}/c'])
def test_cache_with_a_named_folder_uses_it(monkeypatch, tmp_path, named):
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.setenv(cache.VARIABLE, named.format(tmp_path))
  assert cache.folder() == tmp_path / 'c/gan_jax'


def test_cache_without_a_home_is_a_private_temporary_folder(homeless):
  assert cache.folder() == homeless == cache.folder()
  assert stat.S_IMODE(homeless.stat().st_mode) == 0o700


@pytest.mark.parametrize('home', ['', 'relative', '/proc', '/dev/null', '/no/such/folder'])
def test_cache_with_a_home_that_cannot_be_written_is_a_private_temporary_folder(
  monkeypatch, tmp_path, home
):
  monkeypatch.delenv(cache.VARIABLE, raising=False)
  monkeypatch.setenv('HOME', home)
  monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
  monkeypatch.setattr(os, 'access', lambda path, mode: str(path).rstrip('/') not in ('', '/proc'))
  assert cache.folder() == tmp_path / f'gan_jax-{os.geteuid()}'


def test_cache_in_a_read_only_home_with_a_cache_is_reused(monkeypatch, tmp_path):
  monkeypatch.delenv(cache.VARIABLE, raising=False)
  monkeypatch.setenv('HOME', str(tmp_path))
  (tmp_path / '.cache/gan_jax').mkdir(parents=True)
  monkeypatch.setattr(os, 'access', lambda path, mode: False)
  assert cache.folder() == tmp_path / '.cache/gan_jax'


def test_cache_in_a_temporary_folder_open_to_others_is_rejected(homeless):
  homeless.mkdir(mode=0o755)
  with pytest.raises(ConfigError, match='is not a private folder of this user .* set XDG_CACHE_HOME'):
    cache.folder()


def test_cache_in_a_temporary_folder_that_is_a_link_is_rejected(homeless):
  (homeless.parent / 'elsewhere').mkdir(mode=0o700)
  homeless.symlink_to(homeless.parent / 'elsewhere')
  with pytest.raises(ConfigError, match='is not a private folder'):
    cache.folder()


@as_root
def test_cache_in_a_temporary_folder_of_another_user_is_rejected(homeless):
  homeless.mkdir(mode=0o700)
  os.chown(homeless, NOBODY, -1)
  with pytest.raises(ConfigError, match='is not a private folder'):
    cache.folder()


def test_dataset_folder_without_a_home_is_rejected(homeless):
  with pytest.raises(ConfigError, match='TFDS_DATA_DIR=~/tensorflow_datasets: ~ has no home folder'):
    tfds.data_folder()
  assert not any(homeless.parent.iterdir())


def test_expanded_with_an_unknown_user_is_rejected():
  with pytest.raises(ConfigError, match='--out=~no_such_user/x: ~no_such_user has no home folder'):
    user_paths.expanded('~no_such_user/x', '--out')


@pytest.mark.parametrize('home', ['', '/no/such/folder'])
def test_expanded_without_a_home_is_rejected(monkeypatch, home):
  monkeypatch.setenv('HOME', home)
  with pytest.raises(ConfigError, match='--out=~/x: ~ has no home folder '):
    user_paths.expanded('~/x', '--out')
  assert user_paths.expanded('x', '--out') == pathlib.Path('x')


@pytest.mark.parametrize('path', ['gs://bucket/run', 's3://b', 'file:///tmp/x', 'hf://a/b'])
def test_expanded_with_an_address_is_rejected(path):
  message = f'^--workdir={path}: the address of a remote file .* mount the bucket with gcsfuse$'
  with pytest.raises(ConfigError, match=message):
    user_paths.expanded(path, '--workdir')


@pytest.mark.parametrize('path', ['a/b://c', 'C:/x', './gs://x', 'a:b'])
def test_expanded_with_a_colon_in_a_path_keeps_it(path):
  assert user_paths.expanded(path, '--out') == pathlib.Path(path)


def test_expanded_with_a_tilde_inside_keeps_it():
  assert user_paths.expanded('a/~/b', '--out') == pathlib.Path('a/~/b')
  assert user_paths.expanded('./~', '--out') == pathlib.Path('~')


def test_commands_with_a_tilde_write_into_the_home(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  done = command('--config=experiments/gan.py:test', '--config.steps=2', '--workdir=~/runs/a')
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 'runs/a/config.json').exists()
  done = command('--workdir=~/runs/a', '--out=~/s.npz', '--num=2', verb='sample')
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 's.npz').exists()


def _can_become_nobody() -> bool:
  """Returns whether `setpriv` is installed and this container grants the capability."""
  return (
    bool(shutil.which('setpriv')) and subprocess.run([*_BECOME, 'true'], check=False).returncode == 0
  )


@as_root
@pytest.mark.skipif(not _can_become_nobody(), reason='setpriv cannot change the user')
def test_training_as_a_user_without_an_account_leaves_only_the_run():
  with tempfile.TemporaryDirectory() as root:
    working, temporary = pathlib.Path(root) / 'working', pathlib.Path(root) / 'tmp'
    for folder in (working.parent, working, temporary):
      folder.mkdir(exist_ok=True)
      folder.chmod(0o777)
    unset = ('HOME', cache.VARIABLE, 'JAX_COMPILATION_CACHE_DIR')
    settings = {key: value for key, value in os.environ.items() if key not in unset}
    done = subprocess.run(
      [
        *_BECOME,
        sys.executable,
        '-m',
        'gan_jax.main',
        f'--config={ROOT}/experiments/gan.py:test',
        '--config.steps=2',
        '--workdir=run',
      ],
      cwd=working,
      env=settings | {'TMPDIR': str(temporary), 'PYTHONPATH': str(ROOT), 'JAX_PLATFORMS': 'cpu'},
      capture_output=True,
      text=True,
      timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in working.iterdir()] == ['run']
    assert (temporary / f'gan_jax-{NOBODY}' / 'xla').is_dir()
