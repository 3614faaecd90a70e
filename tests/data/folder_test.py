"""Images in a folder: which files are read, how corrupt ones are handled, and the cache."""

import io
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from gan_jax.common import hashing
from gan_jax.common.errors import ConfigError
from gan_jax.data import folder
from gan_jax.data.pipeline import decode, decoded_cache
from helpers.commands import finish, python

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
  path = tmp_path_factory.mktemp('cache')
  monkeypatch.setenv('XDG_CACHE_HOME', str(path))
  return path


def picture(path, size=(12, 12), **options):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(RANDOM.integers(0, 256, (*size, 3), np.uint8)).save(path, **options)


@pytest.fixture
def pictures(tmp_path):
  """Twenty images in two folders, some of them in subfolders."""
  for i in range(10):
    picture(tmp_path / 'cat' / f'{i}.png')
    picture(tmp_path / 'dog' / ('deep' if i % 2 else '.') / f'{i}.webp', lossless=True)
  return tmp_path


def load(path, batch_size=4, placement='auto', **settings):
  return folder.load(0, batch_size, placement, str(path), **settings)


def test_folder_lists_images_by_name_with_subfolders_as_classes(pictures):
  source = load(pictures)
  assert source.images.shape == (20, 12, 12, 3)
  assert source.classes == ('cat', 'dog')
  names = sorted(p.relative_to(pictures).as_posix() for p in pictures.rglob('*.*') if p.is_file())
  for name, image, label in zip(names, source.images[...], source.labels, strict=True):
    np.testing.assert_array_equal(image, Image.open(pictures / name))
    assert label == (0 if name.startswith('cat') else 1)
  assert source.digest == hashing.of_array(source.images[...])
  assert source.about.startswith(f'20 images 12 x 12 x 3 of folder:{pictures}, resident')


def test_folder_with_images_outside_or_one_class_has_no_labels(pictures):
  picture(pictures / 'outside.png')
  assert load(pictures).labels is None
  assert load(pictures / 'cat').labels is None


def test_other_files_do_not_remove_labels(pictures):
  (pictures / 'README.txt').write_text('cats and dogs')
  assert load(pictures).classes == ('cat', 'dog')


def test_subfolder_without_images_is_not_a_class(pictures):
  (pictures / 'about').mkdir()
  (pictures / 'about' / 'README.txt').write_text('cats and dogs')
  source = load(pictures)
  assert source.classes == ('cat', 'dog')
  np.testing.assert_array_equal(np.unique(source.labels), [0, 1])
  for picture_of_a_dog in (pictures / 'dog').rglob('*.webp'):
    picture_of_a_dog.write_text('x')
  assert load(pictures, max_corrupt_fraction=0.9).labels is None


def test_unreadable_file_raises_and_is_not_skipped(pictures, monkeypatch):
  def fail(self):
    raise OSError(5, 'Input/output error')

  monkeypatch.setattr(pathlib.Path, 'read_bytes', fail)
  with pytest.raises(ConfigError, match=r'cat/0.png cannot be read \(Input/output error\)'):
    load(pictures)


def test_flipped_bit_in_the_decoded_cache_is_detected(pictures, own_cache):
  load(pictures)
  [file] = own_cache.rglob('images.bin')
  content = bytearray(file.read_bytes())
  content[1000] ^= 1
  file.write_bytes(content)
  with pytest.raises(ConfigError, match='images differ from those that were written; remove'):
    load(pictures)


def test_hidden_files_are_skipped(pictures, capsys):
  (pictures / '.DS_Store').write_bytes(b'x')
  (pictures / '.hidden').mkdir()
  (pictures / '.hidden' / 'x.png').write_bytes(b'x')
  assert len(load(pictures).images) == 20
  assert capsys.readouterr().err == ''


def test_corrupt_files_are_reported_every_time(pictures, own_cache, capsys):
  (pictures / 'cat' / '3.png').write_bytes(b'')
  (pictures / 'dog' / '2.webp').write_bytes(b'not an image')
  for _ in range(2):
    source = load(pictures, max_corrupt_fraction=0.1)
    assert len(source.images) == len(source.labels) == 18
    err = capsys.readouterr().err
    assert '2 of 20 files of folder:' in err
    assert 'cat/3.png (the file is empty), dog/2.webp (not a PNG, JPEG, or WebP file); all are' in err
  [index] = own_cache.rglob('index.json')
  assert [name for name, _ in json.loads(index.read_text())['skipped']] == ['cat/3.png', 'dog/2.webp']


def test_too_many_corrupt_files_raise_every_time(pictures):
  for i in range(2):
    (pictures / 'cat' / f'{i}.png').write_bytes(b'x')
  with pytest.raises(ConfigError, match='more than 5.0% of its 20 files are corrupt or unsupported'):
    load(pictures)
  load(pictures, max_corrupt_fraction=0.1)
  with pytest.raises(ConfigError, match='raise data.max_corrupt_fraction'):
    load(pictures, max_corrupt_fraction=0.05)


def test_images_are_decoded_again_only_after_a_change(pictures, monkeypatch):
  calls = []
  pixels = decode.pixels
  monkeypatch.setattr(decode, 'pixels', lambda *a: calls.append(1) or pixels(*a))
  first = load(pictures)
  assert len(calls) == 20
  assert load(pictures).digest == first.digest
  assert len(calls) == 20
  load(pictures, size=8)
  assert len(calls) == 40
  picture(pictures / 'cat' / '0.png')
  assert load(pictures).digest != first.digest
  assert len(calls) == 60


def test_changed_images_with_equal_names_sizes_and_times_are_detected(tmp_path):
  sizes, digests = set(), set()
  for path in (tmp_path / 'one', tmp_path / 'two', tmp_path / 'two'):
    picture(path / 'x.png')
    os.utime(path / 'x.png', (0, 0))
    digests.add(load(path, batch_size=1).digest)
    sizes.add((path / 'x.png').stat().st_size)
  assert len(sizes) == 1
  assert len(digests) == 3


def damage_length(entry):
  with open(entry / 'images.bin', 'ab') as file:
    file.write(b'x')


def damage_index(entry):
  (entry / 'index.json').write_text('{')


def damage_labels(entry):
  np.save(entry / 'labels.npy', np.zeros(3, np.int32))


def cut_labels(entry):
  (entry / 'labels.npy').write_bytes(b'')


@pytest.mark.parametrize('damage', [damage_length, damage_index, damage_labels, cut_labels])
def test_corrupt_cache_is_rebuilt(pictures, own_cache, damage, capsys):
  before = load(pictures).digest
  [index] = own_cache.rglob('index.json')
  damage(index.parent)
  assert load(pictures).digest == before
  assert 'is corrupt' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['images.bin', 'labels.npy', 'index.json'])
def test_cache_with_a_missing_file_is_rebuilt(pictures, own_cache, name):
  before = load(pictures).digest
  next(own_cache.rglob(name)).unlink()
  again = load(pictures)
  assert again.digest == before
  assert again.classes == ('cat', 'dog')


def test_killed_decoder_leaves_no_usable_cache(pictures, own_cache):
  script = f"""
import os
import pathlib
from gan_jax.data import folder
from gan_jax.data.pipeline import decode
pixels, calls = decode.pixels, []
def die(*a):
  calls.append(1)
  if len(calls) == 15:
    os._exit(9)
  return pixels(*a)
decode.pixels = die
folder.load(0, 4, 'auto', {str(pictures)!r})
"""
  assert finish(python('-c', script)).returncode == 9
  assert not list(own_cache.rglob('index.json'))
  assert len(load(pictures).images) == 20
  assert not [p for p in own_cache.rglob('*') if 'draft' in p.name]


def test_decoding_by_two_processes_happens_once(pictures, own_cache):
  script = f"""
from gan_jax.data import folder
from gan_jax.data.pipeline import decode
pixels, calls = decode.pixels, []
decode.pixels = lambda *a: calls.append(1) or pixels(*a)
print(folder.load(0, 4, 'auto', {str(pictures)!r}).digest, len(calls))
"""
  both = [python('-c', script) for _ in range(2)]
  (one, one_count), (other, other_count) = (
    finish(process).stdout.splitlines()[-1].split() for process in both
  )
  assert one == other == load(pictures).digest
  assert sorted([int(one_count), int(other_count)]) == [0, 20]


def test_images_of_different_sizes_without_resizing_are_rejected(pictures):
  picture(pictures / 'cat' / 'wide.png', (12, 20))
  with pytest.raises(
    ConfigError,
    match=r'data.size=0: images differ in size \(cat/0.png: 12 x 12, cat/wide.png: 12 x 20\)',
  ):
    load(pictures)
  assert load(pictures, size=8).images.shape == (21, 8, 8, 3)


@pytest.mark.parametrize('name', ['naïve ü', 'Ö/ß', "quote'd", 'new\nline'])
def test_folder_of_any_name_is_read(tmp_path, name):
  picture(tmp_path / f'{name}.png')
  assert len(load(tmp_path, batch_size=1).images) == 1


def test_file_names_that_are_not_utf8_are_read(tmp_path, capsys):
  (tmp_path / os.fsdecode(b'bad\xff.png')).write_bytes(b'x')
  for i in range(3):
    picture(tmp_path / f'{i}.png')
  assert len(load(tmp_path, batch_size=1, max_corrupt_fraction=0.5).images) == 3


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda p: p / 'none', 'no such folder or zip archive'),
    (lambda p: p, 'the folder is empty; choose a folder'),
    (lambda p: (p / 'file').write_text('x') and p / 'file', 'no such folder or zip archive'),
    (lambda p: (p / 'x.png').write_text('x') and p, 'corrupt or unsupported'),
  ],
)
def test_folder_without_images_is_rejected(tmp_path, make, message):
  with pytest.raises(ConfigError, match=message):
    load(make(tmp_path))
  with pytest.raises(ConfigError, match='no such folder or zip archive'):
    folder.load(0, 1, 'auto', '')


def test_folder_of_an_unknown_user_is_rejected(tmp_path):
  with pytest.raises(ConfigError, match='folder:~nobody of this name/pictures: no such folder'):
    load('~nobody of this name/pictures')


def test_unreadable_subfolder_raises_and_is_not_skipped(pictures, monkeypatch):
  scandir = os.scandir

  def refused(path):
    if str(path).endswith('dog'):
      raise PermissionError(13, 'Permission denied', str(path))
    return scandir(path)

  monkeypatch.setattr(folder.os, 'scandir', refused)
  with pytest.raises(ConfigError, match=f'{pictures / "dog"} cannot be read .Permission denied'):
    load(pictures)


def test_folder_of_only_corrupt_files_is_rejected_at_any_fraction(tmp_path):
  (tmp_path / 'x.png').write_text('x')
  with pytest.raises(ConfigError, match='it contains no images'):
    load(tmp_path, max_corrupt_fraction=1.0)


@pytest.mark.parametrize('fraction', [-0.1, 1.5])
def test_corrupt_fraction_out_of_range_is_rejected(pictures, fraction):
  with pytest.raises(ConfigError, match=f'data.max_corrupt_fraction={fraction}: out of range'):
    load(pictures, max_corrupt_fraction=fraction)


def test_batch_larger_than_the_dataset_is_rejected(pictures):
  with pytest.raises(ConfigError, match='it has 20 images, fewer than batch_size=21; lower batch_size'):
    load(pictures, batch_size=21)


def test_unwritable_cache_is_rejected(pictures, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', '/proc/none')
  with pytest.raises(ConfigError, match='cannot be written to .*; set XDG_CACHE_HOME to another'):
    load(pictures)


def test_full_disk_is_reported_and_leaves_no_draft(pictures, own_cache, monkeypatch):
  def full(*unused):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(decoded_cache.os, 'fsync', full)
  with pytest.raises(ConfigError, match='No space left on device.; set XDG_CACHE_HOME to another'):
    load(pictures)
  assert not [p for p in own_cache.rglob('*') if 'draft' in p.name]


FORMS = {'png': {}, 'jpg': {'quality': 90}, 'webp': {'lossless': True}}


def flipped(content):
  damaged = bytearray(content)
  damaged[RANDOM.integers(len(content))] ^= 1 << RANDOM.integers(8)
  return bytes(damaged)


def cut(content):
  return content[: RANDOM.integers(len(content))]


def test_a_thousand_corrupt_files_are_summarized(tmp_path, own_cache):
  """No file ends the run, and all are named, except flipped bits in JPEG and WebP without checksums."""
  certain, doubtful = set(), set()
  for number in range(1000):
    form = list(FORMS)[number % 3]
    buffer = io.BytesIO()
    image = Image.fromarray(RANDOM.integers(0, 256, (16, 16, 3), np.uint8))
    image.save(buffer, 'JPEG' if form == 'jpg' else form.upper(), **FORMS[form])
    damage = (flipped, cut)[number // 3 % 2]
    name = f'{number:04}.{form}'
    (tmp_path / name).write_bytes(damage(buffer.getvalue()))
    is_certain = form == 'png' or (damage is cut and form == 'webp')
    (certain if is_certain else doubtful).add(name)
  for name in ('good.png', 'other.jpg'):
    picture(tmp_path / name, (16, 16))
  shutil.copy(tmp_path / 'good.png', tmp_path / 'a png in truth.jpg')
  (tmp_path / 'not an image.png').write_bytes(b'%PDF-1.7')
  source = load(tmp_path, size=16, max_corrupt_fraction=1.0)
  [index] = own_cache.rglob('index.json')
  named = {name for name, _ in json.loads(index.read_text())['skipped']}
  assert certain | {'not an image.png'} <= named <= certain | doubtful | {'not an image.png'}
  assert len(source.images) == 1004 - len(named)
  assert len(named & doubtful) > 100
