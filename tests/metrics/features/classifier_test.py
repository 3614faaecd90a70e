"""The trained classifiers: their files, their accuracy, and their response to other images."""

import importlib
import json
import pathlib
import shutil

import jax
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.data import mnist5k
from gan_jax.metrics.features import classifier, digits, fashion, random
from helpers.experiments import ROOT

TRAINED = {'digits': digits, 'fashion': fashion}
# Every 50th test image of MNIST and of Fashion-MNIST, written by tools/feature_classifiers/sample.py.
SAMPLE = np.load(pathlib.Path(__file__).with_suffix('.npz'))
APPLY = jax.jit(random.load().apply)


def outputs(network, images):
  return jax.tree.map(np.asarray, APPLY(network.params, images))


def accuracy(network, images, labels):
  return (outputs(network, images).logits.argmax(axis=1) == labels).mean()


def card(name):
  return json.loads((classifier.HERE / f'{name}.json').read_text())


def differ(one, other):
  """The mean distance of features, relative to that of different images."""
  apart = np.linalg.norm(one - other, axis=1).mean()
  return apart / np.linalg.norm(one - np.roll(one, 1, axis=0), axis=1).mean()


@pytest.mark.parametrize('name, accurate', [('digits', 0.993), ('fashion', 0.92)])
def test_weights_are_small_and_described_by_their_card(name, accurate):
  told = card(name)
  assert TRAINED[name].load().digest == told['digest']
  assert told['test_accuracy'] >= accurate
  assert (told['train_images'], told['test_images']) == (60_000, 10_000)
  assert told['command'] == f'python tools/feature_classifiers/train.py {name} --data=FOLDER'
  assert (classifier.HERE / f'{name}.npz').stat().st_size < 1_000_000


@pytest.mark.parametrize('name, accurate', [('digits', 0.97), ('fashion', 0.88)])
def test_held_out_images_are_classified(name, accurate):
  network = TRAINED[name].load()
  assert network.name == name
  assert accuracy(network, SAMPLE[f'{name}_images'], SAMPLE[f'{name}_labels']) > accurate


def test_bundled_digits_are_classified():
  # They are among those that the network was trained on: this shows range, orientation and labels.
  source = mnist5k.load(0, 64)
  images, labels = source.images[::5], source.labels[::5]
  assert accuracy(digits.load(), images, labels) > 0.99


@pytest.mark.parametrize('module', [digits, fashion, random])
def test_features_and_logits_have_their_shapes_and_are_finite(module):
  features, logits = outputs(module.load(), SAMPLE['digits_images'][:7])
  assert features.shape == (7, 128) and logits.shape == (7, 10)
  assert features.dtype == logits.dtype == np.float32
  assert np.isfinite(features).all() and np.isfinite(logits).all()
  assert (features >= 0).all() and (features.std(axis=0) > 0).mean() > 0.3


def test_output_row_depends_only_on_its_image():
  images, network = SAMPLE['fashion_images'][:8], fashion.load()
  others = np.concatenate([images[3:4], 255 - images[:7]])
  expected, found = outputs(network, images), outputs(network, others)
  np.testing.assert_allclose(found.features[0], expected.features[3], rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(found.logits[0], expected.logits[3], rtol=1e-5, atol=1e-5)


def by_hand(params, image):
  """The features of one image [28, 28] in [0, 1], by loops and in float64."""
  x = image[..., None].astype(np.float64)
  for layer, pools in enumerate([True, True, False, True]):
    kernel, bias = params[f'Conv_{layer}']['kernel'], params[f'Conv_{layer}']['bias']
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows, columns, _ = x.shape
    taps = [padded[i : i + rows, j : j + columns] @ kernel[i, j] for i in range(3) for j in range(3)]
    x = np.maximum(sum(taps) + bias, 0)
    if pools:
      x = np.array(
        [
          [x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max((0, 1)) for j in range(columns // 2)]
          for i in range(rows // 2)
        ]
      )
  dense = params['Dense_0']
  return np.maximum(x.ravel() @ dense['kernel'] + dense['bias'], 0)


def test_features_match_a_numpy_implementation():
  image, network = SAMPLE['digits_images'][5], digits.load()
  found = outputs(network, image[None]).features[0]
  np.testing.assert_allclose(found, by_hand(network.params, image[..., 0] / 255), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', TRAINED)
def test_three_channels_are_averaged(name):
  images, network = SAMPLE[f'{name}_images'][:20], TRAINED[name].load()
  colored = np.concatenate([images, np.zeros_like(images), np.zeros_like(images)], axis=-1)
  np.testing.assert_allclose(
    np.asarray(classifier.prepare(colored)), images / np.float32(255 * 3), atol=1e-6
  )
  expected = outputs(network, images).features
  found = outputs(network, images.repeat(3, axis=-1)).features
  np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('size', [32, 64])
def test_resized_digits_keep_their_class_and_most_features(size):
  def made(pixels):
    return mnist5k.load(0, 64, size=pixels).images[::50]

  network = digits.load()
  expected, found = outputs(network, made(28)), outputs(network, made(size))
  assert (found.logits.argmax(axis=1) == expected.logits.argmax(axis=1)).mean() > 0.97
  # Bilinear resizing blurs: 0.37 is what it costs, so scores are compared at one size only.
  assert differ(expected.features, found.features) < 0.45


def test_resize_keeps_constant_images_and_leaves_28_pixels_alone():
  even = np.full((1, 45, 64, 1), 51, np.uint8)
  np.testing.assert_allclose(classifier.prepare(even), np.full((1, 28, 28, 1), 0.2), atol=1e-6)
  images = SAMPLE['digits_images'][:3]
  np.testing.assert_allclose(classifier.prepare(images), images / np.float32(255), atol=1e-7)


@pytest.mark.parametrize(
  'images',
  [np.zeros((2, 28, 28), np.uint8), np.zeros((2, 28, 28, 2), np.uint8), np.zeros((2, 28, 28, 1))],
)
def test_inputs_that_are_not_uint8_images_are_rejected(images):
  with pytest.raises(AssertionError):
    classifier.prepare(images)


def test_random_weights_are_deterministic():
  network = random.load()
  assert network.name == 'random'
  assert network.digest == '4598df3b26fa922253e7e2540f92b1d1bc40e0919d099c5b1fe26b6dcd837e13'


@pytest.fixture
def copies(tmp_path):
  for name in ('digits.npz', 'digits.json'):
    shutil.copy(classifier.HERE / name, tmp_path)
  return tmp_path


def test_written_weights_round_trip(tmp_path):
  params = classifier.drawn(seed=3)
  classifier.write('mine', params, {'epochs': 0}, tmp_path)
  network = classifier.read('mine', tmp_path)
  jax.tree.map(np.testing.assert_array_equal, network.params, params)
  assert json.loads((tmp_path / 'mine.json').read_text()) == {'digest': network.digest, 'epochs': 0}


def cut(file):
  file.write_bytes(file.read_bytes()[:100])


def flip(file):
  content = bytearray(file.read_bytes())
  content[300_000] ^= 1
  file.write_bytes(content)


def empty(file):
  file.write_bytes(b'')


def remove(file):
  file.unlink()


@pytest.mark.parametrize('name', ['digits.npz', 'digits.json'])
@pytest.mark.parametrize('harm', [cut, empty, remove])
def test_corrupt_file_error_names_file_and_fix(harm, name, copies):
  harm(copies / name)
  with pytest.raises(ConfigError, match='feature network digits .* cannot be read.*train.py digits'):
    classifier.read('digits', copies)


def test_flipped_bit_is_detected(copies):
  flip(copies / 'digits.npz')
  with pytest.raises(ConfigError, match='cannot be read'):
    classifier.read('digits', copies)


def test_weights_with_another_card_are_rejected(copies):
  classifier.write('other', classifier.drawn(seed=3), {}, copies)
  shutil.copy(copies / 'other.json', copies / 'digits.json')
  with pytest.raises(ConfigError, match='do not match the digest on their card'):
    classifier.read('digits', copies)


@pytest.fixture
def train(monkeypatch):
  monkeypatch.syspath_prepend(ROOT / 'tools' / 'feature_classifiers')
  return importlib.import_module('train')


def test_cards_match_the_training_recipes(train):
  for name, recipe in train.RECIPES.items():
    told = card(name)
    share, version = told['test_accuracy'], told['jax']
    assert told == {'digest': told['digest']} | train.facts(name, recipe, share) | {'jax': version}


def test_training_images_are_shifted_up_to_two_pixels_and_mirrored(train):
  image = np.zeros((28, 28, 1), np.uint8)
  image[10, 12] = 255
  seen = np.asarray(train.augment(jax.random.key(0), np.stack([image] * 500), mirrored=True))
  places = {(int(i), int(j)) for _, i, j, _ in np.argwhere(seen)}
  columns = [*range(10, 15), *range(13, 18)]  # 27 - 12 = 15
  assert places == {(i, j) for i in range(8, 13) for j in columns}


def test_data_file_with_another_digest_is_rejected(train, tmp_path):
  file = tmp_path / 'images'
  file.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
  digest = train.hashlib.sha256(file.read_bytes()).hexdigest()
  assert train.read_idx(file, digest).tolist() == [[7, 8, 9]]
  with pytest.raises(SystemExit, match='fetch it again'):
    train.read_idx(file, digest[::-1])
