"""Zip archives of images, and labels in the layout of StyleGAN."""

import concurrent.futures
import json
import pathlib
import shutil
import stat
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.data import folder
from gan_jax.data import source as sources
from gan_jax.data.pipeline import contents

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))


def fill(folder_path, names):
  for name in names:
    path = folder_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RANDOM.integers(0, 256, (4, 4, 3), np.uint8)).save(path)
  return folder_path


CLASSES = [f'{kind}/{i}.png' for kind in ('cat', 'dog') for i in range(3)]
# Named as StyleGAN's dataset_tool.py does, except for the number of images in a folder.
SHARDS = [f'0000{i // 3}/img{i:08}.png' for i in range(8)]


@pytest.fixture
def classes(tmp_path):
  return fill(tmp_path / 'classes', CLASSES)


@pytest.fixture
def shards(tmp_path):
  return fill(tmp_path / 'shards', SHARDS)


def describe(path, labels, **more):
  (path / 'dataset.json').write_text(json.dumps({'labels': labels, **more}))


def pack(folder_path, method=zipfile.ZIP_DEFLATED, below=''):
  """Packs the files of a folder in reverse order; `below` is a prefix of all paths."""
  path = folder_path.with_suffix('.zip')
  with zipfile.ZipFile(path, 'w', method) as archive:
    for file in sorted(folder_path.rglob('*'), reverse=True):
      archive.write(file, below + file.relative_to(folder_path).as_posix())
  return path


def load(path, **settings):
  return folder.load(0, 1, 'auto', str(path), **settings)


def assert_same(one, other):
  assert sources.digest(one) == sources.digest(other)
  np.testing.assert_array_equal(one.images[...], other.images[...])
  np.testing.assert_array_equal(one.labels, other.labels)
  assert one.classes == other.classes


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('below', ['', 'pictures/', 'some/where/', './'])
def test_archive_of_a_folder_matches_the_folder(classes, method, below):
  assert_same(load(classes), load(pack(classes, method, below)))
  assert load(classes).classes == ('cat', 'dog')


@pytest.mark.parametrize('labels', [None, [[name, 5 - i % 2] for i, name in enumerate(SHARDS)]])
@pytest.mark.parametrize('below', ['', 'pictures/'])
def test_archive_of_a_folder_with_dataset_json_matches_the_folder(shards, labels, below):
  describe(shards, labels)
  one, other = load(shards), load(pack(shards, below=below))
  assert sources.digest(one) == sources.digest(other)
  np.testing.assert_array_equal(one.images[...], other.images[...])
  if labels is None:
    assert one.labels is None and other.labels is None
  else:
    # The numbers are those of the file.
    assert one.labels.tolist() == other.labels.tolist() == [5, 4] * 4
  assert one.classes == other.classes == ()


def test_labels_follow_the_files_in_any_order(shards):
  pairs = [[name, int(label)] for name, label in zip(SHARDS, RANDOM.permutation(8), strict=True)]
  describe(shards, pairs[::-1])
  source = load(shards)
  assert source.labels.tolist() == [label for _, label in pairs]
  for name, image in zip(SHARDS, source.images[...], strict=True):
    np.testing.assert_array_equal(image, Image.open(shards / name))


def test_labels_of_corrupt_files_are_skipped(shards):
  describe(shards, [[name, i] for i, name in enumerate(SHARDS)])
  (shards / SHARDS[2]).write_bytes(b'')
  assert load(shards, max_corrupt_fraction=0.2).labels.tolist() == [0, 1, 3, 4, 5, 6, 7]


def test_folder_with_dataset_json_skips_nothing_and_misses_no_class(shards, capsys):
  describe(shards, None)
  (shards / '00003').mkdir()
  load(shards)
  output = capsys.readouterr()
  assert (output.err, 'ignored' in output.out) == ('', False)


def test_changed_labels_are_read_again(shards):
  for labels in ([1] * 8, [2] * 8):
    describe(shards, [list(pair) for pair in zip(SHARDS, labels, strict=True)])
    assert load(shards).labels.tolist() == labels


@pytest.mark.parametrize('text', ['{}', '[]', '{"images": []}'])
def test_dataset_json_of_another_kind_leaves_classes_to_folders(classes, text, capsys):
  (classes / 'dataset.json').write_text(text)
  assert load(classes).classes == ('cat', 'dog')
  assert 'text and system files: 1 (dataset.json)' in capsys.readouterr().out


def test_dataset_json_below_the_root_is_ignored(classes):
  (classes / 'cat' / 'dataset.json').write_text('{"labels": null}')
  assert load(classes).classes == ('cat', 'dog')


def with_label(label):
  return [[SHARDS[0], label], *([name, 1] for name in SHARDS[1:])]


NOT_A_NUMBER = f'has labels that are not whole numbers .*, 1 of 8 .{SHARDS[0]}.; correct it'
BAD_LABELS = {
  'one is missing': (with_label(1)[1:], f'gives no label to existing files, 1 of 8 .{SHARDS[0]}'),
  'none at all': ([], 'gives no label to existing files, 8 of 8 .00000/img00000000.png, .* ...'),
  'one too many': (
    [*with_label(1), ['00009/x.png', 1]],
    'names files that do not exist, 1 of 9 .00009/x',
  ),
  'twice': ([*with_label(1), [SHARDS[3], 2]], f'names files more than once, 1 of 9 .{SHARDS[3]}'),
  'a fraction': (with_label(1.5), NOT_A_NUMBER),
  'a float': (with_label(1.0), NOT_A_NUMBER),
  'a boolean': (with_label(True), NOT_A_NUMBER),
  'null': (with_label(None), NOT_A_NUMBER),
  'a text': (with_label('1'), NOT_A_NUMBER),
  'a vector': (with_label([0.1, 0.2]), NOT_A_NUMBER),
  'negative': (with_label(-1), NOT_A_NUMBER),
  'large': (with_label(2**31), NOT_A_NUMBER),
  'an object': ({name: 1 for name in SHARDS}, 'is not valid .null, or a list of pairs'),
  'a number': (3, 'is not valid .null, or a list of pairs'),
  'triples': ([[name, 1, 2] for name in SHARDS], 'is not valid .null, or a list of pairs'),
  'numbered': ([[i, 1] for i in range(8)], 'is not valid .null, or a list of pairs'),
  'no text': ([*with_label(1), ['\ud800', 1]], r'names files that do not exist, 1 of 9 .\\ud800'),
}


@pytest.mark.parametrize('case', BAD_LABELS)
@pytest.mark.parametrize('packed', [False, True])
def test_labels_that_do_not_match_are_rejected(shards, case, packed):
  labels, message = BAD_LABELS[case]
  describe(shards, labels)
  with pytest.raises(ConfigError, match=f'dataset.json.*{message}|"labels" in dataset.json {message}'):
    load(pack(shards) if packed else shards)


CORRUPT = {'cut': b'{', 'no text': b'\xff\xfe', 'deep': b'[' * 200_000, 'end': b'{"labels": NaN'}


@pytest.mark.parametrize('content', CORRUPT.values(), ids=CORRUPT)
def test_dataset_json_that_is_corrupt_is_rejected(shards, content):
  (shards / 'dataset.json').write_bytes(content)
  with pytest.raises(ConfigError, match='dataset.json is corrupt or not JSON .*; write it again'):
    load(shards)


def test_dataset_json_with_a_broken_link_is_rejected(shards):
  (shards / 'dataset.json').symlink_to('/nowhere')
  with pytest.raises(ConfigError, match='dataset.json cannot be read'):
    load(shards)


def test_archive_is_not_unpacked(classes, tmp_path, monkeypatch):
  packed = pack(classes)
  shutil.rmtree(classes)
  monkeypatch.setattr(zipfile.ZipFile, 'extract', None)
  monkeypatch.setattr(zipfile.ZipFile, 'extractall', None)
  load(packed)
  assert [path.name for path in tmp_path.iterdir()] == ['classes.zip']


def test_threads_read_an_archive_at_once(tmp_path):
  fill(tmp_path / 'many', [f'{i:03}.png' for i in range(100)])
  listed = folder._contents(str(pack(tmp_path / 'many')))
  names = sorted(listed.files) * 5
  with concurrent.futures.ThreadPoolExecutor(16) as threads:
    contents = list(threads.map(listed.read, names))
  for name, content in zip(names, contents, strict=True):
    assert content == (tmp_path / 'many' / name).read_bytes()


def test_members_are_read_sequentially(classes, monkeypatch):
  reader, read = folder._contents(str(pack(classes))).read, zipfile.ZipFile.read
  is_locked = []
  monkeypatch.setattr(
    zipfile.ZipFile, 'read', lambda *a: is_locked.append(reader._lock.locked()) or read(*a)
  )
  assert reader('cat/0.png') == (classes / 'cat' / '0.png').read_bytes()
  assert is_locked == [True]


def test_archive_reports_skipped_files(classes, capsys):
  for name in ('.DS_Store', 'cat/notes.txt', '__MACOSX/cat/._0.png', '__MACOSX/cat/._1.png'):
    (classes / name).parent.mkdir(parents=True, exist_ok=True)
    (classes / name).write_bytes(b'x')
  (classes / 'empty').mkdir()
  packed = pack(classes)
  assert load(packed).classes == ('cat', 'dog')
  output = capsys.readouterr()
  expected = 'hidden: 2 (.DS_Store, __MACOSX), text and system files: 1 (cat/notes.txt)\n'
  assert f'ignored in folder:{packed}: {expected}' in output.out
  assert 'some folders contain no readable image, 1 in total: empty\n' in output.err
  # The output for the folder is the same.
  assert load(classes).classes == ('cat', 'dog')
  assert expected in capsys.readouterr().out


def member(name, mode):
  info = zipfile.ZipInfo(name)
  info.external_attr = mode << 16
  return info


def test_links_in_an_archive_count_as_corrupt_files(classes, capsys):
  packed = pack(classes)
  with zipfile.ZipFile(packed, 'a') as archive:
    archive.writestr(member('cat/link.png', stat.S_IFLNK | 0o777), '0.png')
    archive.writestr(member('cat/pipe.png', stat.S_IFIFO | 0o666), '')
  assert len(load(packed, max_corrupt_fraction=0.5).images) == 6
  err = capsys.readouterr().err
  assert 'cat/link.png (a symbolic link, which is not followed in an archive)' in err
  assert 'cat/pipe.png (not a regular file)' in err


def offset_of(packed, name):
  """Returns the offset of the content of a member."""
  with zipfile.ZipFile(packed) as archive:
    start = archive.getinfo(name).header_offset
  header = packed.read_bytes()[start : start + 30]
  return start + 30 + sum(struct.unpack('<HH', header[26:30]))


@pytest.mark.parametrize('method', METHODS)
def test_corrupt_member_counts_as_a_corrupt_file(classes, method, capsys):
  packed = pack(classes, method)
  content, offset = bytearray(packed.read_bytes()), offset_of(packed, 'cat/1.png')
  content[offset + 20] ^= 0xFF
  packed.write_bytes(content)
  assert len(load(packed, max_corrupt_fraction=0.2).images) == 5
  assert 'cat/1.png (corrupt in the archive: ' in capsys.readouterr().err


def test_corrupt_dataset_json_in_an_archive_is_rejected(shards):
  describe(shards, None)
  packed = pack(shards, zipfile.ZIP_STORED)
  content, offset = bytearray(packed.read_bytes()), offset_of(packed, 'dataset.json')
  content[offset] ^= 1
  packed.write_bytes(content)
  with pytest.raises(ConfigError, match='dataset.json is corrupt or not JSON .corrupt in the archive'):
    load(packed)


def patched(packed, name, offset, value):
  """Changes bytes of the entry of a member in the directory at the end."""
  content = bytearray(packed.read_bytes())
  entry = content.rindex(name.encode()) - 46
  assert content[entry : entry + 4] == b'PK\1\2'
  content[entry + offset : entry + offset + len(value)] = value
  packed.write_bytes(content)
  return packed


def test_zip_bomb_counts_as_a_corrupt_file_and_is_not_unpacked(classes, capsys, monkeypatch):
  """A member of a few kilobytes expands to more zeros than an image may have bytes."""
  monkeypatch.setattr(contents, 'MOST_BYTES', 10**6)
  packed = pack(classes)
  with zipfile.ZipFile(packed, 'a', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('cat/bomb.png', bytes(10**6 + 1))
  # Reading stops at the size that a member states, and its checksum is then wrong.
  with zipfile.ZipFile(packed, 'a', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('cat/liar.png', bytes(10**6 + 1))
  patched(packed, 'cat/liar.png', 24, (100).to_bytes(4, 'little'))
  assert packed.stat().st_size < 10_000
  assert len(load(packed, max_corrupt_fraction=0.5).images) == 6
  err = capsys.readouterr().err
  assert 'cat/bomb.png (its 1,000,001 bytes are more than 1,000,000)' in err
  assert 'cat/liar.png (corrupt in the archive: ' in err


def test_zip_bomb_as_dataset_json_is_rejected(shards, monkeypatch):
  monkeypatch.setattr(contents, 'MOST_BYTES', 10**6)
  (shards / 'dataset.json').write_text('{"labels": null' + ' ' * 10**6 + '}')
  with pytest.raises(ConfigError, match='dataset.json .* bytes are more than 1,000,000'):
    load(pack(shards))


def test_encrypted_archive_is_rejected(classes):
  packed = patched(pack(classes), 'dog/2.png', 8, b'\1\0')
  with pytest.raises(ConfigError, match='has encrypted files .dog/2.png.; pack it again without them'):
    load(packed)


def test_member_with_unknown_compression_is_rejected(classes):
  packed = patched(pack(classes), 'dog/2.png', 10, (98).to_bytes(2, 'little'))
  with pytest.raises(ConfigError, match=r'dog/2.png has an unknown compression \(.*; pack the archive'):
    load(packed)


@pytest.mark.parametrize(
  'name',
  ['../x.png', 'cat/../../x.png', '/etc/x.png', r'cat\x.png', r'C:\x.png', 'cat/./x.png', 'a//b.png'],
)
def test_unsafe_member_paths_are_rejected(classes, name):
  packed = pack(classes)
  with zipfile.ZipFile(packed, 'a') as archive:
    archive.writestr(name, b'x')
  with pytest.raises(ConfigError, match='has paths that lead outside or are not Unix paths'):
    load(packed)


def test_duplicate_member_names_are_rejected(classes):
  packed = pack(classes)
  with zipfile.ZipFile(packed, 'a') as archive, pytest.warns(UserWarning, match='Duplicate'):
    archive.writestr('cat/0.png', b'x')
  with pytest.raises(ConfigError, match='has several files of one name .cat/0.png.; pack it again'):
    load(packed)


def test_archive_without_pictures_is_empty(tmp_path):
  with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as archive:
    archive.writestr('notes.txt', 'x')
  with pytest.raises(
    ConfigError, match=r'x.zip: the folder is empty, except for text and .*: 1 \(notes'
  ):
    load(tmp_path / 'x.zip')


@pytest.mark.parametrize('content', [b'', b'not an archive', b'PK\3\4'])
def test_file_that_is_not_an_archive_is_rejected(tmp_path, content):
  (tmp_path / 'x.zip').write_bytes(content)
  with pytest.raises(ConfigError, match='x.zip: the archive is corrupt or .*; pack it again'):
    load(tmp_path / 'x.zip')
  (tmp_path / 'x.tar').write_bytes(content)
  with pytest.raises(ConfigError, match='x.tar: no such folder or zip archive'):
    load(tmp_path / 'x.tar')


def test_archive_of_any_name_is_read(classes):
  packed = pathlib.Path(shutil.copy(pack(classes), classes.parent / 'pictures'))
  assert_same(load(packed), load(classes))


def test_corrupt_archives_give_clear_errors(classes):
  """Cuts and flipped bits give an error, or a source without the corrupt images."""
  packed = pack(classes)
  whole, random, refused = packed.read_bytes(), np.random.default_rng(1), 0
  for number in range(300):
    content = bytearray(whole)
    if number % 3:
      # Most bits belong to images; the directory at the end is a quarter of the file.
      index = random.integers(len(whole)) if number % 3 == 1 else -1 - random.integers(600)
      content[index] ^= 1 << random.integers(8)
    else:
      content = content[: random.integers(len(whole))]
    packed.write_bytes(content)
    try:
      source = load(packed, max_corrupt_fraction=1.0)
    except ConfigError:
      refused += 1
      continue
    assert 1 <= len(source.images) <= 6
  assert 100 <= refused < 300
