"""The real examples that scores compare with, and what is remembered of them."""

import jax
import numpy as np
import pytest

from gan_jax.data import ring as ring_data
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.evaluation import reference_statistics
from gan_jax.metrics.features import coordinates
from helpers.toy_features import NETWORK, pictures


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  return tmp_path


def source(num=40, seed=0):
  return place(ImageSet(pictures(num, seed)), seed=0, batch_size=8)


def look(source, network=NETWORK, warn=pytest.fail):
  return reference_statistics.real_statistics(source, network, 10, warn)


def files(folder):
  return sorted(folder.rglob('*.npz'))


def test_real_statistics_are_computed_once_and_cached_exactly(own_cache, monkeypatch):
  first = look(source())
  assert len(files(own_cache)) == 1
  monkeypatch.setattr(
    reference_statistics, 'collect_set', lambda *a: pytest.fail('it is looked at again')
  )
  again = look(source())
  assert again.card == first.card
  for old, new in zip(jax.tree.leaves(first.seen), jax.tree.leaves(again.seen), strict=True):
    np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
  'change',
  [
    lambda s, n: (source(seed=1), n),
    lambda s, n: (s._replace(split='test'), n),
    lambda s, n: (s, n._replace(params={'weight': np.float32(0.6)})),
    lambda s, n: (s, n._replace(name='other')),
    lambda s, n: (s, n._replace(resizer='another')),
  ],
  ids=['data', 'split', 'weights', 'network', 'resizer'],
)
def test_cached_statistics_are_keyed_by_data_split_network_and_digest(own_cache, change):
  look(source())
  look(*change(source(), NETWORK))
  assert len(files(own_cache)) == 2


def test_corrupt_cache_file_is_reported_and_recomputed(own_cache):
  first = look(source())
  (path,) = files(own_cache)
  path.write_bytes(path.read_bytes()[:300])
  told = []
  again = look(source(), warn=told.append)
  assert len(told) == 1
  assert str(path) in told[0]
  np.testing.assert_array_equal(first.seen.features, again.seen.features)
  look(source())


def test_dataset_sorted_by_class_is_shuffled_over_all_classes():
  images = np.repeat(np.arange(4, dtype=np.uint8), 50).reshape(200, 1, 1, 1)
  seen = look(place(ImageSet(images), seed=0, batch_size=8)).seen
  assert set(seen.images[:40].ravel()) == {0, 1, 2, 3}
  np.testing.assert_array_equal(np.sort(seen.images.ravel()), images.ravel())
  np.testing.assert_allclose(seen.features[:, 0], 0.5 * seen.images.ravel())


def test_points_are_drawn_again_without_caching(own_cache):
  ring = ring_data.load(seed=0, batch_size=8)
  found = look(ring, coordinates.load())
  assert found.card['split'] == 'drawn afresh'
  assert found.seen.images.shape == (10, 2)
  first = ring.batch(ring.arrays, 0, np.arange(10))['real']
  assert not np.isclose(found.seen.images, first).any()
  assert files(own_cache) == []
