"""Pictures that lie elsewhere now: a run continues on them, and on no others."""

import json
import os
import pathlib
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.config import schema
from gan_jax.run import best_checkpoint
from gan_jax.storage import checkpoints, load_run, metrics_log, workdir
from gan_jax.study import member_run, runner, statistics, sweep
from helpers.commands import forks
from helpers.experiments import ROOT
from helpers.runs import assert_same_run

EXPERIMENT = 'experiments/gan.py:folder-test'
SIZE = 8
SHORT = ('--config.checkpoint_every=4', f'--config.data.size={SIZE}')


def write_pictures(folder, seed):
  """Writes 16 pictures in each of two classes."""
  random = np.random.default_rng(seed)
  for kind in ('cat', 'dog'):
    (folder / kind).mkdir(parents=True)
    for i in range(16):
      pixels = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
      Image.fromarray(pixels).save(folder / kind / f'{i:02}.png')


def train_flags(place, run, steps, *more):
  return [
    f'--config={EXPERIMENT}',
    *SHORT,
    f'--config.data.name=folder:{place}',
    f'--workdir={run}',
    f'--config.steps={steps}',
    *more,
  ]


def data_name(run):
  return json.loads((run / workdir.CONFIG).read_text())['data']['name']


@pytest.fixture(scope='module')
def moved(tmp_path_factory):
  """A run of 16 steps on `a`, and one of 8 steps on `a`, which is called `b` since."""
  with pytest.MonkeyPatch.context() as patch:
    root = tmp_path_factory.mktemp('moved')
    patch.setenv('XDG_CACHE_HOME', str(root / 'cache'))
    write_pictures(root / 'a', 0)
    write_pictures(root / 'other', 1)
    done = forks(
      {
        'whole': train_flags(root / 'a', root / 'whole', 16),
        'begun': train_flags(root / 'a', root / 'run', 8),
      }
    )
    assert {name: one.returncode for name, one in done.items()} == {'whole': 0, 'begun': 0}, done
    (root / 'a').rename(root / 'b')
    (root / 'link').symlink_to(root / 'b')
    shutil.make_archive(str(root / 'packed'), 'zip', root, 'b')
    yield root


def test_run_on_moved_images_resumes_bit_identically(moved):
  for name in ('run', 'small', 'wrong'):
    if name != 'run':
      shutil.copytree(moved / 'run', moved / name)
  relative = os.path.relpath(moved / 'b', ROOT)
  done = forks(
    {
      'other': train_flags(moved / 'other', moved / 'wrong', 16),
      'size': train_flags(moved / 'b', moved / 'small', 16, '--config.data.size=4'),
      'gone': train_flags(moved / 'a', moved / 'wrong', 16),
      'relative': train_flags(f'{relative}/', moved / 'run', 12),
      'packed': train_flags(moved / 'packed.zip', moved / 'run', 16),
      'finished': train_flags(moved / 'link', moved / 'run', 16),
    }
  )
  codes = {name: one.returncode for name, one in done.items()}
  assert codes == {'other': 2, 'size': 2, 'gone': 2, 'relative': 0, 'packed': 0, 'finished': 0}, done
  err = done['other'].stderr
  assert f'error: data.name=folder:{moved / "other"}: the images differ' in err
  assert f'from those that the run in {moved / "wrong"} started with' in err
  assert 'step ' not in done['other'].stdout
  assert 'contains a run of another config (data.size: 8 -> 4' in done['size'].stderr
  assert 'decoding' not in done['size'].stdout
  assert f'data.name=folder:{moved / "a"}: no such folder' in done['gone'].stderr
  # The refused commands changed nothing.
  assert data_name(moved / 'wrong') == data_name(moved / 'small') == f'folder:{moved / "a"}'
  # The images were in the archive for the steps up to 16, and behind the link for the finished run.
  assert 'resumes from step 12' in done['packed'].stdout
  assert data_name(moved / 'run') == f'folder:{moved / "link"}'
  assert_same_run(moved / 'whole', moved / 'run', 16)


def test_commands_on_moved_images_accept_the_new_path(moved):
  run = moved / 'whole'
  flags = [f'--workdir={run}', '--features=random', '--num=20', '--scores=sliced_wasserstein']
  done = forks(
    {
      'gone': flags,
      'moved': [*flags, f'--data=folder:{moved / "b"}'],
      'packed': [*flags, f'--data=folder:{moved / "packed.zip"}'],
      'other': [*flags, f'--data=folder:{moved / "other"}'],
      'kind': [*flags, '--data=mnist5k'],
    },
    'evaluate',
  )
  codes = {name: one.returncode for name, one in done.items()}
  assert codes == {'gone': 2, 'moved': 0, 'packed': 0, 'other': 0, 'kind': 2}, done
  assert 'give their location with --data=folder:PATH' in done['gone'].stderr
  assert '--config' not in done['gone'].stderr
  assert done['moved'].stderr == done['packed'].stderr == ''
  assert 'warning: the images differ from those that this run started with' in done['other'].stderr
  assert str(moved / 'other') in done['other'].stderr
  assert f'not the kind of data of this run (folder:{moved / "a"})' in done['kind'].stderr
  one, two, other = map(json.loads, (run / metrics_log.SCORES).read_text().splitlines())
  assert one['scores'] == two['scores'] != other['scores']
  assert one['card']['data'] == f'folder:{moved / "b"}'
  assert one['card']['data_digest'] == two['card']['data_digest'] != other['card']['data_digest']
  # The run itself does not change.
  assert data_name(run) == f'folder:{moved / "a"}'


def test_report_with_other_images_shows_no_neighbors(moved):
  flags = [f'--workdir={moved / "whole"}']
  cases = {'gone': 'a', 'moved': 'b', 'other': 'other'}
  done = forks({n: [*flags, f'--data=folder:{moved / place}'] for n, place in cases.items()}, 'report')
  assert [one.returncode for one in done.values()] == [0, 0, 0], done
  assert '--data=folder:PATH' in done['gone'].stderr and '--config' not in done['gone'].stderr
  assert 'Left out' not in done['moved'].stderr
  assert f'the images of folder:{moved / "other"} differ from those' in done['other'].stderr


def config_of(name, **data):
  return schema.plain(schema.default()) | {'data': {'name': name, **data}}


@pytest.mark.parametrize(
  ('old', 'new', 'changed'),
  [
    ('folder:a', 'folder:/b/', []),
    ('folder:a', 'folder:~/a.zip', []),
    ('folder:a', 'mnist5k', ["data.name: 'folder:a' -> 'mnist5k'"]),
    ('mnist5k', 'folder:a', ["data.name: 'mnist5k' -> 'folder:a'"]),
    ('folder', 'folder:a', ["data.name: 'folder' -> 'folder:a'"]),
    ('tfds:mnist', 'tfds:cifar10', ["data.name: 'tfds:mnist' -> 'tfds:cifar10'"]),
    ('tfds:mnist', 'folder:mnist', ["data.name: 'tfds:mnist' -> 'folder:mnist'"]),
  ],
)
def test_data_name_change_is_a_change_unless_only_the_path_differs(old, new, changed):
  assert schema.changes(config_of(old), config_of(new)) == changed


def test_data_setting_change_at_a_new_path_is_a_change():
  found = schema.changes(config_of('folder:a', size=8), config_of('folder:b', size=4))
  assert found == ['data.size: 8 -> 4']


def begun(folder, digest='one'):
  """A run on folder:a, as older versions note it too."""
  workdir.write_config(folder, config_of('folder:a'))
  about = {'digest': digest, 'about': '5 images 8 x 8 x 3 of folder:a, resident on each device'}
  (folder / workdir.DATA).write_text(json.dumps(about))


def test_note_data_at_a_new_path_changes_nothing_else(tmp_path):
  begun(tmp_path)
  workdir.note_data(tmp_path, config_of('folder:b') | {'steps': 7}, {'digest': 'one', 'about': 'b'})
  assert workdir.read_config(tmp_path) == config_of('folder:b')
  assert json.loads((tmp_path / workdir.DATA).read_text()) == {'digest': 'one', 'about': 'b'}


def test_note_data_of_other_images_is_rejected(tmp_path):
  begun(tmp_path)
  for name in ('folder:a', 'folder:b'):
    with pytest.raises(ConfigError, match=f'data.name={name}: the images differ from those'):
      workdir.note_data(tmp_path, config_of(name), {'digest': 'two', 'about': 'b'})
  assert workdir.read_config(tmp_path) == config_of('folder:a')


def test_note_data_at_a_new_path_without_an_old_digest_is_rejected(tmp_path):
  begun(tmp_path)
  (tmp_path / workdir.DATA).unlink()
  with pytest.raises(ConfigError, match='folder:b: a new location, but .*data.json is missing'):
    workdir.note_data(tmp_path, config_of('folder:b'), {'digest': 'two', 'about': 'b'})
  workdir.note_data(tmp_path, config_of('folder:a'), {'digest': 'one', 'about': 'a'})
  assert workdir.has_data(tmp_path, 'one')


def test_checkpoints_of_the_old_path_are_read_at_the_new_path(tmp_path):
  with checkpoints.writable(tmp_path, config_of('folder:a', size=8), keep=1) as kept:
    kept.save(4, {'weights': np.ones(3, np.float32)})
  with checkpoints.opened(tmp_path, config_of('folder:b', size=8)) as kept:
    assert kept.newest(pytest.fail)[0] == 4
  with (
    checkpoints.opened(tmp_path, config_of('folder:b', size=4)) as kept,
    pytest.raises(ConfigError, match=r'another config \(data.size: 8 -> 4\)'),
  ):
    kept.read(4)


def card(name, digest):
  return {'data': name, 'data_digest': digest, 'split': 'train', 'features': 'random'}


def test_best_score_at_a_new_path_is_compared_with_earlier_scores(tmp_path):
  config = config_of('folder:b')
  history = [{'step': 4, 'frechet_random': 1.0, 'card': card('folder:a', 'one')}]
  state = {'weights': jnp.ones(3)}
  with checkpoints.writable(tmp_path / workdir.BEST, config, keep=2) as saved:
    best = best_checkpoint.resumed(saved, 'frechet_random', step=4)
    for step, value, name, digest, kept in (
      (8, 2.0, 'folder:b', 'one', []),
      (12, 0.5, 'folder:b', 'one', [12]),
      (16, 2.0, 'folder:b', 'two', [12, 16]),
    ):
      line = {'step': step, 'frechet_random': value, 'card': card(name, digest)}
      best.maybe_save(history, line, state)
      assert saved.steps() == kept


def test_settings_on_the_same_images_at_two_paths_are_compared():
  protocols = {
    label: statistics.protocol([card(name, digest)])
    for label, name, digest in (
      ('a', 'folder:a', 'one'),
      ('b', 'folder:b', 'one'),
      ('c', 'folder:a', 'two'),
      ('d', 'tfds:a', 'one'),
      ('e', 'tfds:b', 'one'),
    )
  }
  assert protocols['a'] == protocols['b']
  assert len(set(protocols.values())) == 4


@pytest.mark.parametrize(
  ('name', 'given', 'message'),
  [
    ('mnist5k', 'folder:b', 'the data of this run, mnist5k, cannot move; leave out --data'),
    ('tfds:mnist', 'tfds:mnist:3.0.1', 'the data of this run, tfds:mnist, cannot move'),
    ('folder:a', 'b', 'not the kind of data of this run .folder:a.; write folder:PATH'),
    ('folder:a', '', 'write folder:PATH'),
  ],
)
def test_data_flag_without_a_path_is_rejected(name, given, message):
  with pytest.raises(ConfigError, match=f'--data={given}: .*{message}'):
    load_run.with_data(config_of(name), given)
  assert load_run.with_data(config_of(name), None) == config_of(name)


def study(out, place, seeds, calls=100):
  """Trains a study on the images in a folder in this process, for at most `calls` calls."""
  sweeps = {'data.name': [f'folder:{place}'], 'data.size': [SIZE], 'evaluate.features': ['random']}
  (group,) = sweep.grouped(sweep.settings([EXPERIMENT], sweeps))
  (setting,) = group.settings
  runs = [member_run.Run(setting, s, out / setting.label / f'seed_{s}') for s in range(seeds)]
  asked = iter(range(100))
  for part in runner.remaining(runs, out):
    compiled = runner.compile_runs(runner.assemble(group, part, out))
    runner.train(compiled, lambda step, more: None, lambda: next(asked) + 1 >= calls)
  return runs


def test_study_on_moved_images_resumes_and_on_others_is_rejected(tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  write_pictures(tmp_path / 'a', 0)
  write_pictures(tmp_path / 'other', 1)
  study(tmp_path / 'study', tmp_path / 'a', seeds=1, calls=2)
  pathlib.Path(tmp_path / 'a').rename(tmp_path / 'b')
  for seeds in (1, 2):
    with pytest.raises(ConfigError, match='images differ from those that the run in .*seed_0 st'):
      study(tmp_path / 'study', tmp_path / 'other', seeds)
  (run,) = study(tmp_path / 'study', tmp_path / 'b', seeds=1)
  assert run.result()['steps'] == 8
  assert data_name(run.folder) == f'folder:{tmp_path / "b"}'
  # A run with another seed has the same setting, so its images must be the same.
  with pytest.raises(ConfigError, match='images differ from those that the run in .*seed_0 st'):
    study(tmp_path / 'study', tmp_path / 'other', seeds=2)
