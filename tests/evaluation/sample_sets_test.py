"""Sets of examples from arrays, folders and files: what they hold, and what is refused."""

import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import hashing, pixels
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation import sample_sets

GRAY = np.random.RandomState(0).randint(0, 256, (5, 4, 6, 1)).astype(np.uint8)
COLOR = np.random.RandomState(1).randint(0, 256, (5, 4, 6, 3)).astype(np.uint8)


def write(folder, images):
  folder.mkdir()
  for i, image in enumerate(images):
    (folder / f'{i:03}.png').write_bytes(pixels.png(image))
  return folder


@pytest.mark.parametrize('kind', ['folder', 'zip', 'images', 'arr_0', 'path', 'float', 'jax'])
def test_each_kind_of_set_gives_the_same_images_and_digest(kind, tmp_path):
  folder = write(tmp_path / 'set', COLOR)
  given = {'folder': str(folder), 'path': folder, 'jax': jnp.asarray(COLOR)}
  given['float'] = (2 * COLOR.astype(np.float64) - 255) / 255
  given['zip'] = tmp_path / 'set.zip'
  with zipfile.ZipFile(given['zip'], 'w') as archive:
    for path in folder.iterdir():
      archive.write(path, path.name)
  for name in ('images', 'arr_0'):
    given[name] = tmp_path / f'{name}.npz'
    np.savez(given[name], **{name: COLOR})
  found = sample_sets.read(given[kind], 'real')
  np.testing.assert_array_equal(found.examples[:], COLOR)
  assert found.examples.shape == COLOR.shape
  assert found.identity == hashing.of_array(COLOR)
  assert not found.is_gray
  assert found.is_file == (kind not in ('float', 'jax'))


def test_gray_folder_matches_a_gray_array_and_repeats_beside_a_color_set(tmp_path):
  folder = sample_sets.read(write(tmp_path / 'gray', GRAY), '--real')
  assert folder.is_gray
  array, color = sample_sets.read(GRAY, '--fake'), sample_sets.read(COLOR, '--fake')
  one, other = sample_sets.matched(folder, array, ('--real', '--fake'))
  np.testing.assert_array_equal(one.examples[:], other.examples)
  assert one.identity == other.identity == hashing.of_array(GRAY)
  one, other = sample_sets.matched(array, color, ('--real', '--fake'))
  np.testing.assert_array_equal(one.examples, GRAY.repeat(3, axis=3))
  np.testing.assert_array_equal(other.examples, COLOR)


def test_pictures_are_read_in_any_order(tmp_path):
  images = sample_sets.read(write(tmp_path / 'set', COLOR), 'real').examples
  np.testing.assert_array_equal(images[np.array([3, 0, 3])], COLOR[[3, 0, 3]])
  assert images[5:].shape == (0, 4, 6, 3)


def test_first_samples_of_a_folder_are_those_of_its_names(tmp_path):
  found = sample_sets.read(write(tmp_path / 'set', COLOR), 'fake').first(3)
  assert len(found.examples) == 3
  assert found.identity == hashing.of_array(COLOR[:3])


def empty(folder):
  folder.mkdir()
  return folder


def unreadable(folder):
  (write(folder, COLOR) / '002.png').write_bytes(b'not an image')
  return folder


def of_two_sizes(folder):
  (write(folder, COLOR) / '9.png').write_bytes(pixels.png(COLOR[0, :3]))
  return folder


def text(folder):
  folder.write_text('text')
  return folder


FAULTS = {
  'empty folder': (empty, 'real={}: the folder has no images; choose a folder with images'),
  'unreadable': (unreadable, 'real={}: 002.png cannot be read (not a PNG, JPEG, or WebP file); repair'),
  'two sizes': (of_two_sizes, 'images differ in size (000.png: 4 x 6, 9.png: 3 x 6); resize all'),
  'one image': (lambda f: write(f, COLOR[:1]), 'real={}: too few examples, 1 (at least 2); add'),
  'missing': (lambda f: f, 'real={}: no such folder or file (an array, a folder of images, a zip'),
  'text': (text, 'real={}: unknown kind of file'),
}


@pytest.mark.parametrize('case', FAULTS)
def test_unusable_folders_and_files_are_refused(case, tmp_path):
  make, said = FAULTS[case]
  path = make(tmp_path / 'set')
  with pytest.raises(ConfigError) as error:
    sample_sets.read(path, 'real')
  assert said.format(path) in str(error.value)


@pytest.mark.parametrize(
  ('array', 'said'),
  [
    (GRAY[0], r'real=array: uint8 \(4, 6, 1\) is not a set of examples'),
    (GRAY.repeat(2, axis=3), 'is not a set of examples'),
    (GRAY.astype(np.int64), 'int64 .* is not a set of examples'),
    (
      GRAY.astype(np.float32),
      r'values from \S+ to 25\d are out of range \(floats in \[-1, 1\]',
    ),
    (np.full((4, 2), np.nan), 'it has NaN or infinity'),
    (np.zeros((1, 2)), 'too few examples, 1'),
    ([[1.0], [1.0, 2.0]], 'real: setting an array'),
  ],
)
def test_unusable_arrays_are_refused(array, said):
  with pytest.raises(ConfigError, match=said):
    sample_sets.read(array, 'real')


def test_floats_without_negative_values_give_a_warning(capsys):
  found = sample_sets.read(COLOR / 255, 'real')
  assert 'warning: real=array: no value is below 0; floats are' in capsys.readouterr().err
  # (0 + 1) * 127.5, rounded to the even neighbor, is the least.
  assert found.examples.min() >= 128
  sample_sets.read(COLOR / 127.5 - 1, 'real')
  assert capsys.readouterr().err == ''


def test_npz_of_other_arrays_and_of_objects_is_refused(tmp_path):
  np.savez(tmp_path / 'a.npz', features=GRAY)
  with pytest.raises(ConfigError, match=r'a.npz: it has features \(mu and sigma, or one of images'):
    sample_sets.read(tmp_path / 'a.npz', 'fake')
  np.savez(tmp_path / 'b.npz', images=np.array([{}, {}]))
  with pytest.raises(ConfigError, match=r'fake=.*b.npz: cannot be read \(Object arrays cannot'):
    sample_sets.read(tmp_path / 'b.npz', 'fake')
  (tmp_path / 'c.npz').write_bytes(b'PK')
  with pytest.raises(ConfigError, match='c.npz: cannot be read'):
    sample_sets.read(tmp_path / 'c.npz', 'fake')
