import contextlib
import pathlib
import shutil
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import plain_path
from gan_jax.common.errors import ConfigError, WriteError
from gan_jax.config import schema
from gan_jax.storage import checkpoint_files, checkpoints

CONFIG = schema.plain(schema.default())


def state(number):
  return {
    'weights': jnp.full((300, 70), number, jnp.float32),
    'moments': [jnp.arange(5), jnp.float32(number)],
    'half': jnp.full((3,), number, jnp.bfloat16),
    'key': jax.random.key(number),
  }


@pytest.fixture
def folder(tmp_path):
  with checkpoints.writable(tmp_path / 'checkpoints', CONFIG, keep=2) as kept:
    for step in (10, 20, 30):
      kept.save(step, state(step))
    kept.wait()
  return tmp_path / 'checkpoints'


def largest(folder):
  return max((p for p in folder.rglob('*') if p.is_file()), key=lambda p: p.stat().st_size)


def damage_bit(folder):
  file = largest(folder)
  content = bytearray(file.read_bytes())
  content[len(content) // 2] ^= 4
  file.write_bytes(content)


def damage_truncate(folder):
  file = largest(folder)
  file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def damage_remove(folder):
  largest(folder).unlink()


def damage_digests(folder):
  for file in (folder / 'digests').iterdir():
    file.write_bytes(b'{}')


def test_newest_checkpoints_are_kept_and_restored_exactly(folder):
  with checkpoints.opened(folder, CONFIG) as kept:
    assert kept.steps() == [20, 30]
    step, arrays = kept.newest(pytest.fail)
  assert step == 30
  back = checkpoints.from_arrays(arrays, jax.eval_shape(lambda: state(0)))
  for old, new in zip(jax.tree.leaves(state(30)), jax.tree.leaves(back), strict=True):
    assert old.dtype == new.dtype
    assert (old == new).all()


def test_partly_deleted_checkpoint_is_ignored_and_removed_on_reopen(folder):
  assert sorted(path.name for path in folder.iterdir()) == ['20', '30']
  (folder / 'deleted').mkdir()
  (folder / '20').rename(folder / 'deleted' / '20')
  damage_digests(folder / 'deleted' / '20')
  with checkpoints.opened(folder, CONFIG) as seen:
    assert seen.steps() == [30]
  assert (folder / 'deleted').exists()
  with checkpoints.writable(folder, CONFIG, keep=2):
    assert not (folder / 'deleted').exists()


def test_deletion_moves_the_checkpoint_away_first(folder, monkeypatch):
  with checkpoints.writable(folder, CONFIG, keep=2) as kept, monkeypatch.context() as patch:
    patch.setattr(checkpoint_files.shutil, 'rmtree', lambda path, ignore_errors: None)
    kept.save(40, state(40))
    kept.wait()
    kept.discard(after=30)
    assert kept.steps() == [30]
    assert {path.name for path in (folder / 'deleted').iterdir()} == {'20', '40'}
  assert sorted(path.name for path in folder.iterdir()) == ['30']


@pytest.mark.parametrize('damage', [damage_bit, damage_truncate, damage_remove, damage_digests])
def test_corrupt_checkpoint_is_reported_and_the_previous_is_used(folder, damage):
  damage(folder / '30')
  warnings = []
  with checkpoints.opened(folder, CONFIG) as kept:
    step, arrays = kept.newest(warnings.append)
  assert step == 20
  assert float(arrays['moments.1']) == 20
  assert len(warnings) == 1
  assert f'{folder}/30 is broken' in warnings[0]


def test_corrupt_checkpoint_is_set_aside_so_its_step_can_be_saved(folder):
  damage_bit(folder / '30')
  with checkpoints.writable(folder, CONFIG, keep=2) as kept:
    kept.set_aside(after=20)
    kept.save(30, state(31))
    kept.wait()
    assert float(kept.read(30)['moments.1']) == 31
    kept.set_aside(after=20)
    assert kept.steps() == [20]
  assert (folder / 'broken-30').is_dir()
  assert (folder / 'broken-30-2').is_dir()


def test_all_checkpoints_corrupt_raises(folder):
  damage_bit(folder / '30')
  damage_truncate(folder / '20')
  with (
    checkpoints.opened(folder, CONFIG) as kept,
    pytest.raises(ConfigError, match='every checkpoint in'),
  ):
    kept.newest(lambda warning: None)


def test_newest_without_checkpoints_is_none(tmp_path):
  with checkpoints.writable(tmp_path / 'checkpoints', CONFIG, keep=1) as kept:
    assert kept.newest(pytest.fail) is None


def test_state_of_another_shape_is_rejected(folder):
  with checkpoints.opened(folder, CONFIG) as kept:
    arrays = kept.read(30)
  other = state(0) | {'weights': jnp.zeros((300, 71))}
  with pytest.raises(
    ConfigError, match='does not fit the config: weights is float32 .300, 70., not float32 .300, 71.'
  ):
    checkpoints.from_arrays(arrays, other)
  with pytest.raises(ConfigError, match='does not fit the config: more is absent, not float32'):
    checkpoints.from_arrays(arrays, state(0) | {'more': jnp.zeros(1)})


def test_checkpoints_of_another_run_are_rejected_not_skipped(folder):
  other = CONFIG | {'gan': {'name': 'other'}, 'steps': 7}
  with checkpoints.opened(folder, other) as kept:
    for read in (lambda: kept.read(20), lambda: kept.newest(pytest.fail)):
      with pytest.raises(ConfigError, match=r"is of another config \(gan.name: None -> 'other'\); put"):
        read()


def test_checkpoints_older_than_a_config_key_are_accepted(folder):
  older = {key: value for key, value in CONFIG.items() if key != 'compute_dtype'}
  with checkpoints.writable(folder, older, keep=2) as kept:
    kept.save(40, state(40))
  with checkpoints.opened(folder, CONFIG) as kept:
    assert kept.newest(pytest.fail)[0] == 40


def test_save_copies_the_state_before_it_returns(tmp_path):
  weights = np.zeros((1000, 100), np.float32)
  with checkpoints.writable(tmp_path / 'checkpoints', CONFIG, keep=1) as kept:
    kept.save(1, {'weights': weights})
    weights += 1
    kept.wait()
    assert not kept.read(1)['weights'].any()


UNUSUAL = (
  'dcgan[lr=1e-4]',
  'a*b',
  'a**b',
  'a?b',
  'back\\slash',
  'new\nline',
  'gs:',
  '{x}',
  '$HOME',
  "it's",
  '%41#',
  '~',
  ' lead',
  'ünï',
  b'raw\xff'.decode(errors='surrogateescape'),
)


@pytest.mark.parametrize('name', UNUSUAL)
def test_save_in_a_folder_of_any_name_can_be_read_back(tmp_path, name):
  folder = tmp_path / name / 'checkpoints'
  with checkpoints.writable(folder, CONFIG, keep=1) as kept:
    for step in (10, 20):
      kept.save(step, state(step))
  with checkpoints.opened(folder, CONFIG) as kept:
    assert kept.steps() == [20]
    assert float(kept.newest(pytest.fail)[1]['moments.1']) == 20
  assert [path.name for path in tmp_path.iterdir()] == [name]
  assert (folder / '20' / 'state' / 'manifest.ocdbt').is_file()


def test_plain_path_of_an_unusual_name_leaves_nothing_behind(tmp_path, monkeypatch):
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'temporary'))
  (tmp_path / 'temporary').mkdir()
  folder = tmp_path / '[x]'
  folder.mkdir()
  with plain_path.of(folder) as path:
    assert plain_path.is_plain(path)
    assert path.resolve() == folder
  assert not list((tmp_path / 'temporary').iterdir())
  with plain_path.of(tmp_path) as path:
    assert path == tmp_path


def test_plain_path_without_a_plain_temporary_folder_names_tmpdir(tmp_path, monkeypatch):
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / '[x]'))
  with pytest.raises(ConfigError, match='TMPDIR=.*; set TMPDIR to'), plain_path.of(tmp_path / '[y]'):
    pass


def test_save_that_cannot_be_read_back_keeps_the_older_checkpoint(tmp_path):
  folder = tmp_path / 'checkpoints'
  held = contextlib.ExitStack()
  kept = held.enter_context(checkpoints.writable(folder, CONFIG, keep=1))
  kept.save(10, state(10))
  kept.wait()
  write = kept._manager.wait_until_finished

  def write_and_lose_the_manifest():
    write()
    (folder / '20' / 'state' / 'manifest.ocdbt').unlink(missing_ok=True)

  kept._manager.wait_until_finished = write_and_lose_the_manifest
  kept.save(20, state(20))
  with pytest.raises(WriteError, match='20 was written, but it cannot be read'):
    held.close()
  warnings = []
  with checkpoints.opened(folder, CONFIG) as kept:
    assert kept.newest(warnings.append)[0] == 10
  assert len(warnings) == 1


class _Vanishing(checkpoints.CheckpointReader):
  """A reader for which a newer checkpoint replaces the newest one just before it is read."""

  def _verified(self, step):
    if step < 40:
      (self._folder / str(step)).rename(self._folder / str(step + 10))
    return super()._verified(step)


def test_newest_checkpoint_deleted_while_read_is_replaced_by_the_next(tmp_path):
  folder = tmp_path / 'checkpoints'
  with checkpoints.writable(folder, CONFIG, keep=1) as kept:
    kept.save(10, state(10))
  reader = _Vanishing(folder, folder, CONFIG)
  step, arrays = reader.newest(pytest.fail)
  assert (step, float(arrays['moments.1'])) == (40, 10)


def test_newest_checkpoints_all_deleted_while_read_raises(tmp_path, monkeypatch):
  folder = tmp_path / 'checkpoints'
  with checkpoints.writable(folder, CONFIG, keep=1) as kept:
    kept.save(10, state(10))
  reader = checkpoints.CheckpointReader(folder, folder, CONFIG)
  monkeypatch.setattr(reader, '_exists', lambda step: False)
  damage_bit(folder / '10')
  with pytest.raises(ConfigError, match='faster than they are read; set keep_checkpoints'):
    reader.newest(pytest.fail)


def test_newest_with_all_checkpoints_deleted_is_none(tmp_path):
  folder = tmp_path / 'checkpoints'
  with checkpoints.writable(folder, CONFIG, keep=1) as kept:
    kept.save(10, state(10))
  reader = checkpoints.CheckpointReader(folder, folder, CONFIG)
  shutil.rmtree(folder / '10')
  assert reader.newest(pytest.fail) is None
  assert pathlib.Path(folder).is_dir()
