"""Images in a file that are read on demand."""

from concurrent import futures

import numpy as np
import pytest

from gan_jax.data.pipeline.array_file import Rows

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 3), np.uint8)


@pytest.fixture
def rows(tmp_path):
  path = tmp_path / 'images.bin'
  path.write_bytes(IMAGES.tobytes())
  return Rows(path, IMAGES.shape)


@pytest.mark.parametrize(
  'indices',
  [
    3,
    -1,
    slice(None),
    slice(7, 20),
    slice(40, 90),
    slice(20, 7),
    slice(2, 30, 4),
    ...,
    np.array([4, 4, 0, 49]),
    np.array([[1, 2, 3], [9, 8, 7]]),
    np.array([-1, 3]),
    np.array([], int),
  ],
  ids=str,
)
def test_array_file_indexing_matches_numpy(rows, indices):
  np.testing.assert_array_equal(rows[indices], IMAGES[indices])


def test_array_file_has_shape_dtype_and_length(rows):
  assert (len(rows), rows.shape, rows.ndim, rows.dtype) == (50, IMAGES.shape, 4, np.uint8)
  assert rows.nbytes == IMAGES.nbytes
  np.testing.assert_array_equal(np.asarray(rows), IMAGES)


@pytest.mark.parametrize('index', [50, np.array([0, 51]), -51])
def test_array_file_rejects_other_indices(rows, index):
  with pytest.raises(IndexError):
    rows[index]


def test_array_file_is_read_by_several_threads(rows):
  indices = [np.random.default_rng(i).integers(0, 50, 200) for i in range(8)]
  with futures.ThreadPoolExecutor(8) as pool:
    for images, chosen in zip(pool.map(rows.__getitem__, indices), indices, strict=True):
      np.testing.assert_array_equal(images, IMAGES[chosen])


def test_array_file_of_another_length_is_rejected(rows, tmp_path):
  with pytest.raises(ValueError, match='has 4,500 bytes, not the 4,590'):
    Rows(tmp_path / 'images.bin', (51, 6, 5, 3))
