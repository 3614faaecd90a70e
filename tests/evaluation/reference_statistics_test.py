"""The cached feature statistics of real examples."""

import jax
import numpy as np
import pytest

from gan_jax.common import hashing
from gan_jax.data import combinators
from gan_jax.data import ring as ring_data
from gan_jax.data.pipeline.held_out import place_parts
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.evaluation import reference_statistics
from gan_jax.metrics.features import coordinates
from helpers.toy_features import NETWORK, pictures


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  return tmp_path


def source(num=40, seed=0):
  return place(ImageSet(pictures(num, seed)), seed=0, batch_size=8)


def statistics_of(source, network=NETWORK, warn=pytest.fail):
  return reference_statistics.real_statistics(source, network, 10, warn)


def files(folder):
  return sorted(folder.rglob('*.npz'))


def test_real_statistics_are_computed_once_and_cached_exactly(cache_folder, monkeypatch):
  first = statistics_of(source())
  assert len(files(cache_folder)) == 1
  monkeypatch.setattr(reference_statistics, 'collect_set', lambda *a: pytest.fail('computed again'))
  again = statistics_of(source())
  assert again.card == first.card
  for old, new in zip(
    jax.tree.leaves(first.statistics), jax.tree.leaves(again.statistics), strict=True
  ):
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
def test_cached_statistics_are_keyed_by_data_split_network_and_digest(cache_folder, change):
  statistics_of(source())
  statistics_of(*change(source(), NETWORK))
  assert len(files(cache_folder)) == 2


def test_corrupt_cache_file_is_reported_and_recomputed(cache_folder):
  first = statistics_of(source())
  (path,) = files(cache_folder)
  path.write_bytes(path.read_bytes()[:300])
  warnings = []
  again = statistics_of(source(), warn=warnings.append)
  assert len(warnings) == 1
  assert str(path) in warnings[0]
  np.testing.assert_array_equal(first.statistics.features, again.statistics.features)
  statistics_of(source())


def test_dataset_sorted_by_class_is_shuffled_over_all_classes():
  images = np.repeat(np.arange(4, dtype=np.uint8), 50).reshape(200, 1, 1, 1)
  statistics = statistics_of(place(ImageSet(images), seed=0, batch_size=8)).statistics
  assert set(statistics.images[:40].ravel()) == {0, 1, 2, 3}
  np.testing.assert_array_equal(np.sort(statistics.images.ravel()), images.ravel())
  np.testing.assert_allclose(statistics.features[:, 0], 0.5 * statistics.images.ravel())


def test_points_are_drawn_again_without_caching(cache_folder):
  ring = ring_data.load(seed=0, batch_size=8)
  found = statistics_of(ring, coordinates.load())
  assert found.card['split'] == 'newly drawn'
  assert found.statistics.images.shape == (10, 2)
  first = ring.batch(ring.arrays, 0, np.arange(10))['real']
  assert not np.isclose(found.statistics.images, first).any()
  assert files(cache_folder) == []


def test_held_out_points_are_named_by_the_card():
  training = statistics_of(ring_data.load(seed=0, batch_size=8), coordinates.load())
  held_out = statistics_of(ring_data.load(seed=0, batch_size=8).held_out(), coordinates.load())
  assert held_out.card['split'] == 'held out'
  assert not np.isclose(held_out.statistics.images, training.statistics.images).any()


def test_held_out_images_are_named_by_the_card():
  is_held_out = np.arange(40) % 4 == 0
  parts = place_parts(ImageSet(pictures(40)), is_held_out, '', seed=0, batch_size=8)
  training, held_out = (statistics_of(part) for part in (parts, parts.held_out()))
  assert (training.card['split'], training.card['real']) == ('train', 30)
  assert (held_out.card['split'], held_out.card['real']) == ('held out', 10)
  assert held_out.card['data_digest'] == hashing.of_array(pictures(40)[is_held_out])
  np.testing.assert_array_equal(
    np.sort(held_out.statistics.images.ravel()), np.sort(pictures(40)[is_held_out].ravel())
  )


def test_combination_is_compared_by_its_real_examples_alone():
  # The images of 'source' have an epoch of one batch of 8, and cannot give 10 rows.
  combined = combinators.unpaired(
    0, lambda seed: ring_data.load(seed, 8), lambda seed: source(num=12, seed=seed % 7)
  )
  found = statistics_of(combined, coordinates.load())
  alone = statistics_of(ring_data.load(seed=0, batch_size=8), coordinates.load())
  assert found.card == alone.card
