"""The held-out split of a dataset of TensorFlow Datasets, on a small one that is prepared here."""

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.run_config import DataConfig
from gan_jax.data import tfds
from helpers import prepare_fashion
from helpers.batches import batch

RANDOM = np.random.default_rng(0)
IMAGES = {
  'train': RANDOM.integers(0, 256, (30, 28, 28), np.uint8),
  't10k': RANDOM.integers(0, 256, (12, 28, 28), np.uint8),
}


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
  """Returns the folder of a dataset with 30 images for training and 12 for tests."""
  folder = tmp_path_factory.mktemp('small')
  for name, images in IMAGES.items():
    labels = np.arange(len(images), dtype=np.uint8) % 10
    (folder / f'{name}-images-idx3-ubyte').write_bytes(bytes(16) + images.tobytes())
    (folder / f'{name}-labels-idx1-ubyte').write_bytes(bytes(8) + labels.tobytes())
  prepare_fashion.builder(folder, folder / 'tfds').download_and_prepare()
  return folder


@pytest.fixture(autouse=True)
def folders(prepared, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(prepared / 'tfds'))
  monkeypatch.setenv('XDG_CACHE_HOME', str(prepared / 'cache'))


def load(**settings):
  return tfds.load(0, 4, 'auto', 'fashion_mnist', **{'channels': 1, **settings})


def contents(images):
  return sorted(image.tobytes() for image in images)


def test_held_out_examples_are_the_test_split():
  source = load(flip=True)
  held_out = source.held_out()
  assert contents(source.images[...]) == contents(IMAGES['train'])
  assert contents(held_out.images[...]) == contents(IMAGES['t10k'])
  assert (source.split, held_out.split) == ('train', 'test')
  assert held_out.classes == prepare_fashion.CLASSES
  numbers = {image.tobytes(): index for index, image in enumerate(IMAGES['t10k'])}
  for image, label in zip(held_out.images[...], held_out.labels, strict=True):
    assert label == numbers[image.tobytes()] % 10
  assert held_out.digest == load(split='test').digest
  # No image is mirrored.
  epoch = np.concatenate([batch(held_out, index, np.arange(4))['real'] for index in range(3)])
  assert contents(np.rint((epoch + 1) * 127.5).astype(np.uint8)) == contents(IMAGES['t10k'])


def test_parts_of_one_split_are_disjoint():
  source = load(split='train[:80%]', held_out='train[80%:]')
  held_out = source.held_out()
  assert (len(source.images), len(held_out.images)) == (24, 6)
  both = [*source.images[...], *held_out.images[...]]
  assert contents(both) == contents(IMAGES['train'])


@pytest.mark.parametrize(
  ('split', 'held_out'),
  [
    ('test', 'test'),
    ('train', 'train[:20%]'),
    ('train[10:20]', 'train[19:25]'),
    ('train[:10]+test[:4]', 'test[3:]'),
    ('train+test', 'test'),
  ],
)
def test_split_with_examples_of_training_is_rejected(split, held_out):
  source = load(split=split, held_out=held_out)
  with pytest.raises(ConfigError) as error:
    source.held_out()
  assert f'data.held_out={held_out}: has examples of data.split={split}, on which' in str(error.value)


@pytest.mark.parametrize(
  ('split', 'held_out'), [('train[10:20]', 'train[20:30]'), ('train[:10]+test[:3]', 'test[3:]')]
)
def test_adjacent_splits_are_accepted(split, held_out):
  source = load(split=split, held_out=held_out)
  assert not set(contents(source.images[...])) & set(contents(source.held_out().images[...]))


def test_unknown_held_out_split_is_an_error_only_if_it_is_asked_for():
  data = {'name': 'tfds:fashion_mnist', 'channels': 1, 'held_out': 'validation'}
  config = DataConfig({'name': 'unpaired', 'real': {'name': 'ring'}, 'source': data}, 0, 4, 'auto')
  build.make_source(config)
  with pytest.raises(ConfigError, match=r"split 'validation' .*; change data.source.held_out, or"):
    build.make_held_out_source(config)
