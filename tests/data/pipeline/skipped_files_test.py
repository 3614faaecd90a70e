"""Entries of a folder that are not images: every skipped file is reported."""

import os
import socket

import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.data import folder
from gan_jax.data.pipeline import contents
from helpers.commands import command

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))


def fill(path, count=4):
  path.mkdir(parents=True, exist_ok=True)
  for i in range(count):
    Image.fromarray(RANDOM.integers(0, 256, (4, 4, 3), np.uint8)).save(path / f'{i}.png')
  return path


@pytest.fixture
def pictures(tmp_path):
  """Two classes of four images."""
  for kind in ('cat', 'dog'):
    fill(tmp_path / 'pictures' / kind)
  return tmp_path / 'pictures'


def load(path, **settings):
  return folder.load(0, 1, 'auto', str(path), **settings)


def load_twice(capsys, path, **settings):
  """Returns the source and the output, which is the same for decoded and for cached images."""
  load(path, **settings)
  first = capsys.readouterr()
  source = load(path, **settings)
  second = capsys.readouterr()
  assert 'decoding' in first.out and 'decoding' not in second.out
  assert first.err == second.err
  assert [line for line in first.out.splitlines() if 'decoding' not in line] == second.out.splitlines()
  return source, second.out, second.err


def test_broken_links_count_as_corrupt_files(pictures, capsys):
  for i in range(8):
    (pictures / 'cat' / f'gone{i}.png').symlink_to(f'/nowhere/{i}')
  with pytest.raises(
    ConfigError, match=r'more than 5.0% of its 16 files .*cat/gone0.png \(a broken symbolic link'
  ):
    load(pictures)
  source, _, err = load_twice(capsys, pictures, max_corrupt_fraction=0.5)
  assert len(source.images) == 8 and source.classes == ('cat', 'dog')
  assert '8 of 16 files of folder:' in err
  assert 'cat/gone0.png (a broken symbolic link to /nowhere/0)' in err


def test_link_to_itself_counts_as_corrupt_file(pictures, capsys):
  (pictures / 'cat' / 'round.png').symlink_to('round.png')
  _, _, err = load_twice(capsys, pictures, max_corrupt_fraction=0.2)
  assert 'cat/round.png (a broken symbolic link to round.png)' in err


def test_pipes_sockets_and_devices_count_as_corrupt_files(pictures, capsys, monkeypatch):
  os.mkfifo(pictures / 'cat' / 'pipe.png')
  (pictures / 'cat' / 'null.png').symlink_to('/dev/null')
  monkeypatch.chdir(pictures / 'cat')
  with socket.socket(socket.AF_UNIX) as bound:
    bound.bind('socket.png')
    _, _, err = load_twice(capsys, pictures, max_corrupt_fraction=0.5)
  assert '3 of 11 files' in err
  for name, kind in (('null', 'a device'), ('pipe', 'a pipe'), ('socket', 'a socket')):
    assert f'cat/{name}.png ({kind}, not a file)' in err


def test_file_larger_than_any_image_is_not_read(pictures, capsys):
  with open(pictures / 'cat' / 'film.png', 'wb') as file:
    file.truncate(contents.MOST_BYTES + 1)
  _, _, err = load_twice(capsys, pictures, max_corrupt_fraction=0.2)
  assert 'cat/film.png (its 536,870,913 bytes are more than 536,870,912)' in err


def test_link_to_a_folder_is_a_class(pictures, tmp_path, capsys):
  before = load(pictures)
  (pictures / 'dog').rename(tmp_path / 'elsewhere')
  (pictures / 'dog').symlink_to(tmp_path / 'elsewhere')
  source, out, err = load_twice(capsys, pictures)
  assert source.classes == ('cat', 'dog')
  assert (out, err) == ('', '')
  # The names are the same, and so is the order of the images.
  assert source.digest == before.digest
  np.testing.assert_array_equal(source.labels, before.labels)


def test_folder_reached_twice_is_read_once(pictures, capsys):
  before = load(pictures)
  (pictures / 'alias').symlink_to('cat')
  (pictures / 'zebra').symlink_to(pictures / 'dog')
  source, _, err = load_twice(capsys, pictures)
  assert source.classes == ('cat', 'dog')
  assert source.digest == before.digest
  assert 'are not followed, 2 in total: alias, zebra\n' in err


@pytest.mark.parametrize('target', ['.', '..', '../..', '/'])
def test_link_to_a_folder_above_is_not_followed(pictures, tmp_path, capsys, target):
  fill(tmp_path / 'beside')
  (pictures / 'cat' / 'up').symlink_to(target)
  source, _, err = load_twice(capsys, pictures)
  assert len(source.images) == 8
  assert 'are not followed, 1 in total: cat/up\n' in err


def test_nested_links_are_followed_without_cycles(pictures, tmp_path, capsys):
  fill(tmp_path / 'out' / 'one' / 'deep')
  fill(tmp_path / 'out' / 'two')
  (pictures / 'more').symlink_to(tmp_path / 'out' / 'one')
  (tmp_path / 'out' / 'one' / 'next').symlink_to(tmp_path / 'out' / 'two')
  (tmp_path / 'out' / 'two' / 'back').symlink_to(tmp_path / 'out' / 'one')
  (tmp_path / 'out' / 'two' / 'above').symlink_to(tmp_path / 'out')
  (tmp_path / 'out' / 'two' / 'root').symlink_to(pictures)
  source, _, err = load_twice(capsys, pictures)
  # Four images of `more/deep` and four of `more/next` are added to the eight.
  assert source.classes == ('cat', 'dog', 'more')
  np.testing.assert_array_equal(np.bincount(source.labels), [4, 4, 8])
  assert 'more/next/above, more/next/back, more/next/root' in err


def test_linked_folder_containing_another_is_read_without_it(pictures, tmp_path, capsys):
  fill(tmp_path / 'out' / 'inner')
  fill(tmp_path / 'out')
  (pictures / 'a').symlink_to(tmp_path / 'out' / 'inner')
  (pictures / 'b').symlink_to(tmp_path / 'out')
  source, _, err = load_twice(capsys, pictures)
  np.testing.assert_array_equal(np.bincount(source.labels), [4, 4, 4, 4])
  assert 'b/inner' in err


def test_hidden_entries_and_texts_are_counted_in_one_line(pictures, capsys):
  for name in ('.DS_Store', 'Thumbs.db', 'desktop.ini', 'labels.CSV', 'cat/notes.txt', 'README'):
    (pictures / name).write_bytes(b'x')
  fill(pictures / '.thumbnails')
  fill(pictures / '__MACOSX')
  source, out, err = load_twice(capsys, pictures)
  assert len(source.images) == 8 and source.classes == ('cat', 'dog')
  assert err == ''
  assert out == (
    f'ignored in folder:{pictures}: hidden: 3 (.DS_Store, .thumbnails, __MACOSX), '
    'text and system files: 5 (README, Thumbs.db, cat/notes.txt ...)\n'
  )


def test_folder_with_only_texts_is_empty(tmp_path):
  (tmp_path / 'labels.csv').write_text('x')
  with pytest.raises(
    ConfigError, match=r'is empty, except for text and system files: 1 \(labels.csv\)'
  ):
    load(tmp_path)


def hide(path):
  (path / '.hidden').write_text('x')


def note(path):
  (path / 'cat' / 'notes.md').write_text('x')


def link_nowhere(path):
  (path / 'cat' / 'gone.png').symlink_to('/nowhere')


def link_twice(path):
  (path / 'other').symlink_to('cat')


def pipe(path):
  os.mkfifo(path / 'pipe.png')


@pytest.mark.parametrize('change', [hide, note, link_nowhere, link_twice, pipe])
def test_change_of_skipped_files_decodes_again(pictures, change, capsys):
  load(pictures, max_corrupt_fraction=0.5)
  capsys.readouterr()
  change(pictures)
  load(pictures, max_corrupt_fraction=0.5)
  assert 'decoding' in capsys.readouterr().out


def test_broken_link_with_a_new_target_is_reported_with_it(pictures, capsys):
  link = pictures / 'cat' / 'gone.png'
  for target in ('/nowhere', '/elsewhere'):
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    load(pictures, max_corrupt_fraction=0.2)
    assert f'a broken symbolic link to {target})' in capsys.readouterr().err


def test_class_without_a_valid_image_is_reported(pictures, capsys):
  fill(pictures / 'fox')
  (pictures / 'empty').mkdir()
  (pictures / 'about').mkdir()
  (pictures / 'about' / 'notes.txt').write_text('x')
  for file in (pictures / 'dog').iterdir():
    file.write_bytes(b'')
  source, _, err = load_twice(capsys, pictures, max_corrupt_fraction=0.5)
  assert source.classes == ('cat', 'fox')
  np.testing.assert_array_equal(np.bincount(source.labels), [4, 4])
  assert 'some folders contain no readable image, 3 in total: about, dog, empty\n' in err


def test_linked_class_without_an_image_is_reported(pictures, tmp_path, capsys):
  (tmp_path / 'empty').mkdir()
  (pictures / 'fox').symlink_to(tmp_path / 'empty')
  _, _, err = load_twice(capsys, pictures)
  assert 'some folders contain no readable image, 1 in total: fox\n' in err


def test_labels_lost_with_one_class_remaining_are_reported(pictures, capsys):
  for file in (pictures / 'dog').iterdir():
    file.write_bytes(b'')
  source, _, err = load_twice(capsys, pictures, max_corrupt_fraction=0.5)
  assert source.labels is None
  assert 'no readable image, 1 in total: dog; too few folders remain for labels' in err


def test_labels_lost_to_an_image_outside_classes_are_reported(pictures, capsys):
  fill(pictures, 1)
  source, _, err = load_twice(capsys, pictures)
  assert source.labels is None
  assert 'images are outside its 2 folders, 1 in total, so the dataset has no labels' in err


def test_corrupt_file_outside_classes_keeps_the_labels(pictures):
  (pictures / 'bad.png').write_bytes(b'')
  assert load(pictures, max_corrupt_fraction=0.2).classes == ('cat', 'dog')


@pytest.mark.parametrize('subfolder', ['', 'cat', 'dog/deep'])
def test_plain_folder_gives_no_warning(pictures, capsys, subfolder):
  fill(pictures / subfolder)
  fill(pictures / 'dog' / 'deep')
  _, out, err = load_twice(capsys, pictures / 'dog')
  assert (out, err) == ('', '')


def test_link_that_cannot_be_followed_is_an_error(pictures, monkeypatch):
  (pictures / 'cat' / 'far.png').symlink_to('/nowhere')
  stat = os.stat

  class Refusing:
    """An entry of a folder that belongs to another user."""

    def __init__(self, entry):
      self._entry = entry
      self.name = entry.name
      self.path = entry.path
      self.is_dir = entry.is_dir
      self.is_symlink = entry.is_symlink

    def stat(self):
      if self._entry.is_symlink():
        raise PermissionError(13, 'Permission denied', self.path)
      return stat(self.path)

  entries = folder.folder_tree._entries
  monkeypatch.setattr(
    folder.folder_tree, '_entries', lambda path: [Refusing(entry) for entry in entries(path)]
  )
  with pytest.raises(ConfigError, match=r'cat/far.png cannot be read \(Permission denied\)'):
    load(pictures)


def test_show_data_reports_missing_classes(pictures, tmp_path):
  (pictures / 'cat' / 'gone.png').symlink_to('/nowhere')
  (pictures / '.hidden').write_text('x')
  done = command(
    '--config=experiments/gan.py:folder-test',
    f'--config.data.name=folder:{pictures}',
    '--config.data.max_corrupt_fraction=0.5',
    '--config.batch_size=4',
    '--num=4',
    f'--out={tmp_path / "out.png"}',
    verb='show_data',
  )
  assert done.returncode == 0, done.stderr
  assert f'ignored in folder:{pictures}: hidden: 1 (.hidden)\n' in done.stdout
  assert 'cat/gone.png (a broken symbolic link to /nowhere)' in done.stderr
