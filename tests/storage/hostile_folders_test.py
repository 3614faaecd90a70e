"""Folders of runs from a stranger: they are read, and their content is not executed."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorstore

from gan_jax.common import files
from gan_jax.common.errors import ConfigError
from gan_jax.config import schema
from gan_jax.storage import checkpoints, load_run, workdir
from helpers.commands import command
from helpers.experiments import ROOT
from helpers.runs import arrays, put


@pytest.fixture
def folder(tmp_path, finished_run):
  return pathlib.Path(shutil.copytree(finished_run, tmp_path / 'run'))


CONFIGS = {
  'a path to a variant': ('gan.name', '../../../../tmp/evil', "'../../../../tmp/evil'"),
  'a module elsewhere': ('gan.name', 'os', "'os'"),
  'a function elsewhere': ('networks.generator.name', 'os.system', "'os.system'"),
  'an attribute of a module': ('networks.generator.name', 'dcgan.jax', "'dcgan.jax'"),
  'a hidden name': ('networks.generator.name', 'dcgan.__loader__', "'dcgan.__loader__'"),
  'a prior elsewhere': ('gan.prior.name', 'jax.numpy.load', "'jax.numpy.load'"),
  'an image of a terabyte': ('networks.generator.size', 10**6, 'not a size of DCGAN'),
  'a wide network': ('networks.generator.width', 10**9, 'does not fit'),
  'many channels': ('networks.generator.channels', 10**12, 'does not fit'),
  'latents without end': ('gan.prior.size', 10**13, 'does not fit'),
  'no number': ('networks.generator.width', '64; import os', 'of the wrong kind (a whole number)'),
}


@pytest.mark.parametrize('case', CONFIGS)
def test_config_that_is_hostile_is_rejected(folder, case):
  key, value, message = CONFIGS[case]
  put(folder, key, value)
  with pytest.raises(ConfigError, match='.*') as refused:
    load_run.load(folder)
  assert message in str(refused.value)


CONFIG = schema.plain(schema.default())
SECRET = 'the old content'


LINKS = ('.lock', 'scores.jsonl', 'config.json', 'profile', 'samples/old', 'checkpoints/8/state')


@pytest.mark.parametrize('name', LINKS)
def test_links_in_a_run_folder_are_not_followed(folder, tmp_path, name):
  target, path = tmp_path / 'elsewhere', folder / name
  if path.is_dir():
    shutil.move(path, target)
  else:
    target.write_text(SECRET)
    path.unlink(missing_ok=True)
  path.symlink_to(target)
  message = re.escape(f'{path} is a symbolic link to {target} (only checkpoints, best, samples may be')
  for use in (workdir.read_config, load_run.load, lambda folder: workdir.locked(folder).__enter__()):
    with pytest.raises(ConfigError, match=message):
      use(folder)
  assert target.is_dir() or target.read_text() == SECRET
  assert path.is_symlink()


MOVABLE = ('checkpoints', 'best', 'samples')


def _elsewhere(folder: pathlib.Path, name: str, tmp_path: pathlib.Path) -> pathlib.Path:
  """Moves a subfolder of a run to another folder, and leaves a link."""
  target = tmp_path / 'scratch' / name
  target.mkdir(parents=True)
  if (folder / name).exists():
    target.rmdir()
    shutil.move(folder / name, target)
  (folder / name).symlink_to(target)
  return target


def _uses(folder: pathlib.Path) -> None:
  workdir.read_config(folder)
  load_run.load(folder)
  with workdir.locked(folder):
    pass


@pytest.mark.slow
def test_run_with_folders_on_another_disk_trains_identically(tmp_path):
  folder, whole = tmp_path / 'run', tmp_path / 'whole'
  folder.mkdir()
  targets = [_elsewhere(folder, name, tmp_path) for name in MOVABLE]
  scored = ['--config=experiments/gan.py:test', '--config.evaluate_every=2']
  scored += ['--config.evaluate.num=50', '--config.evaluate.best=frechet_digits']
  scored += ['--config.checkpoint_every=2', '--config.steps_per_call=2']
  for steps, path in ((2, folder), (4, folder), (4, whole)):
    done = command(*scored, f'--config.steps={steps}', f'--workdir={path}')
    assert done.returncode == 0, done.stderr
  assert all((folder / name).is_symlink() for name in MOVABLE)
  assert all(any(target.iterdir()) for target in targets)
  names = [{file.name for file in (path / 'samples').iterdir()} for path in (folder, whole)]
  assert names[0] == names[1] | {'step_00000002.png'}
  _uses(folder)
  moved, expected = (arrays(path, 4) for path in (folder, whole))
  assert moved.keys() == expected.keys()
  for name, value in expected.items():
    np.testing.assert_array_equal(moved[name], value, err_msg=name)


@pytest.mark.parametrize('name', MOVABLE)
def test_link_to_a_folder_that_is_not_mounted_is_rejected(folder, tmp_path, name):
  shutil.rmtree(_elsewhere(folder, name, tmp_path))
  with pytest.raises(
    ConfigError, match=f'{name} is a symbolic link to .*, which does not exist; mount its disk'
  ):
    _uses(folder)


def test_two_links_to_one_folder_are_rejected(folder, tmp_path):
  target = _elsewhere(folder, 'checkpoints', tmp_path)
  (folder / 'best').symlink_to(target)
  with pytest.raises(ConfigError, match='best is the same folder as checkpoints; give each subfolder'):
    _uses(folder)


def test_link_to_the_run_itself_is_rejected(folder, tmp_path):
  _elsewhere(folder, 'samples', tmp_path)
  (folder / 'samples').unlink()
  (folder / 'samples').symlink_to(folder)
  with pytest.raises(ConfigError, match='samples is the same folder as the folder of the run'):
    _uses(folder)


def test_link_to_a_file_in_place_of_a_folder_is_rejected(folder, tmp_path):
  _elsewhere(folder, 'samples', tmp_path)
  (folder / 'samples').unlink()
  (tmp_path / 'file').write_text(SECRET)
  (folder / 'samples').symlink_to(tmp_path / 'file')
  with pytest.raises(ConfigError, match='which is not a folder; replace the link'):
    _uses(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give files away')
@pytest.mark.parametrize('owned', ['link', 'folder'])
def test_link_or_folder_of_another_user_is_rejected(folder, tmp_path, owned):
  target = _elsewhere(folder, 'checkpoints', tmp_path)
  os.chown(target if owned == 'folder' else folder / 'checkpoints', 54_321, -1, follow_symlinks=False)
  with pytest.raises(ConfigError, match='belongs to user 54321, not to user 0 who runs this command'):
    _uses(folder)


def test_link_inside_a_linked_folder_is_rejected(folder, tmp_path):
  target = _elsewhere(folder, 'checkpoints', tmp_path)
  shutil.move(target / '8', tmp_path / '8')
  (target / '8').symlink_to(tmp_path / '8')
  with pytest.raises(ConfigError, match='checkpoints/8 is a symbolic link .* may be links to folders'):
    _uses(folder)


def test_draft_that_is_a_link_is_not_followed(tmp_path):
  target, path = tmp_path / 'elsewhere', tmp_path / 'report.html'
  target.write_text(SECRET)
  path.with_name('.report.html.draft').symlink_to(target)
  files.write_atomic(path, b'a page')
  assert (target.read_text(), path.read_bytes()) == (SECRET, b'a page')


def test_checkpoint_declaring_huge_arrays_is_rejected_unread(tmp_path):
  # Zeros that were never written take no room in the file.
  with checkpoints.writable(tmp_path, CONFIG, keep=1) as kept:
    kept.save(1, {'weights': np.zeros((4, 4), np.float32)})
    kept.wait()
  base = {'driver': 'ocdbt', 'base': f'file://{tmp_path}/1/state/', 'path': 'weights/'}
  array = tensorstore.open({'driver': 'zarr', 'kvstore': base}, open=True).result()
  array.resize(exclusive_max=(2**20, 2**20), expand_only=True).result()
  warnings = []
  with checkpoints.opened(tmp_path, CONFIG) as store, pytest.raises(ConfigError, match='broken'):
    store.newest(warnings.append)
  assert 'its arrays would take 4,398,046,511,104 bytes, of' in warnings[0]


EXECUTES = ('pickle.find_class', 'os.system', 'subprocess.Popen', 'os.exec', 'os.posix_spawn')


def test_reading_a_run_imports_only_installed_modules_and_unpickles_nothing(folder):
  # Files in the folder with the names of modules or of a pickle.
  for name in (
    'evil.py',
    'sitecustomize.py',
    'dcgan.py',
    'checkpoints/8/state/evil.pkl',
    'conftest.py',
  ):
    (folder / name).write_text('raise SystemExit("executed")')
  script = f"""
import sys
events = []
from gan_jax.storage import load_run
def note(event, arguments):
  if event in {EXECUTES}:
    events.append((event, str(arguments)))
  if event == 'import' and arguments[1] and {str(folder)!r} in str(arguments[1]):
    events.append((event, str(arguments)))
  if event == 'exec' and {str(folder)!r} in str(arguments):
    events.append((event, str(arguments)))
sys.addaudithook(note)
game, variables, step = load_run.load({str(folder)!r})
list(load_run.draw(game, variables, 2, 0))
print(events)
"""
  done = subprocess.run(
    [sys.executable, '-c', script],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.strip() == '[]'


@pytest.mark.parametrize('text', ['[]', '{', '{"classes": 3}', '{"classes": [1]}'])
def test_corrupt_names_of_labels_are_rejected(text, tmp_path):
  (tmp_path / workdir.DATA).write_text(text)
  with pytest.raises(ConfigError, match='data.json is corrupt; fix it or remove it'):
    workdir.class_names(tmp_path)
