"""Stacked digits: the data, and how many of their modes are found."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.data import mnist5k, stacked5k
from gan_jax.metrics import stacked_mnist

ALL = np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), axis=1)


@pytest.fixture(scope='module')
def source():
  return stacked5k.load(seed=0, batch_size=64)


@pytest.fixture(scope='module')
def batch(source):
  return jax.jit(source.batch)(source.arrays, 0, np.arange(64))


def pixels(real):
  return np.rint((np.asarray(real) + 1) * 127.5).astype(np.uint8)


def test_uniform_modes_have_a_perfect_score():
  assert stacked_mnist.scores(np.repeat(ALL, 26, axis=0)) == {'captured': 1000, 'reverse_kl': 0}


def test_collapsed_generator_has_one_mode_and_reverse_kl_log_1000():
  found = stacked_mnist.scores(np.full((26, 3), 7))
  assert found == {'captured': 1, 'reverse_kl': pytest.approx(np.log(1000))}


def test_reverse_kl_matches_hand_computation():
  labels = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]])
  # Shares 1/2, 1/4, 1/4: log 1000 - (1/2 log 2 + 1/2 log 4).
  found = stacked_mnist.scores(labels)
  assert found == {'captured': 3, 'reverse_kl': pytest.approx(np.log(1000) - 1.5 * np.log(2))}


def test_constant_channel_leaves_a_tenth_of_the_modes():
  labels = ALL.copy()
  labels[:, 1] = 3
  assert stacked_mnist.scores(labels) == {'captured': 100, 'reverse_kl': pytest.approx(np.log(10))}


def test_true_samples_have_the_expected_sampling_divergence():
  labels = np.random.default_rng(0).integers(0, 10, (stacked_mnist.SAMPLES, 3))
  found = stacked_mnist.scores(labels)
  assert found['captured'] == 1000
  # 2 N KL is nearly chi squared of 999 degrees: standard deviation sqrt(2 x 999).
  error = np.sqrt(2 * 999) / (2 * stacked_mnist.SAMPLES)
  assert found['reverse_kl'] == pytest.approx(999 / (2 * stacked_mnist.SAMPLES), abs=4 * error)


@pytest.mark.parametrize(
  ('labels', 'message'),
  [
    (np.zeros((4, 2), int), r'wrong shape .*\[N, 3'),
    (np.zeros((0, 3), int), r'wrong shape .*\[N, 3'),
    (np.zeros((4, 3)), 'whole numbers'),
    (np.full((4, 3), 10), 'whole numbers'),
    (np.full((4, 3), -1), 'whole numbers'),
  ],
)
def test_labels_out_of_range_are_rejected(labels, message):
  with pytest.raises(ValueError, match=message):
    stacked_mnist.scores(labels)


def brightest(images):
  """Logits of which row holds the brightest pixel, and whether any has another shape."""
  assert images.shape[1:] == (10, 6, 1)
  return jnp.max(images.astype(jnp.float32), axis=(2, 3))


@pytest.mark.parametrize('num', [1, 4, 5, 9])
def test_channels_are_classified_separately_by_one_program(num):
  labels = np.random.default_rng(0).integers(0, 10, (num, 3))
  images = np.random.default_rng(1).integers(0, 200, (num, 10, 6, 3), dtype=np.uint8)
  for i, digits in enumerate(labels):
    for channel, digit in enumerate(digits):
      images[i, digit, 2, channel] = 255
  shapes = []
  found = stacked_mnist.classified(images, lambda x: shapes.append(x.shape) or brightest(x), batch=4)
  np.testing.assert_array_equal(found, labels)
  assert set(shapes) == {(12, 10, 6, 1)}


def test_nonfinite_logits_are_rejected():
  with pytest.raises(ValueError, match='logits contain NaN'):
    stacked_mnist.classified(np.zeros((2, 4, 4, 3), np.uint8), lambda x: np.full((len(x), 10), np.nan))


@pytest.mark.parametrize('shape', [(4, 28, 28, 1), (4, 28, 28), (0, 28, 28, 3)])
def test_images_of_other_shapes_are_rejected(shape):
  with pytest.raises(ValueError, match='images=.*: wrong type or shape'):
    stacked_mnist.classified(np.zeros(shape, np.uint8), brightest)


def test_channels_are_digits_that_the_label_names(source, batch):
  assert batch['real'].shape == (64, 28, 28, 3)
  assert batch['real'].dtype == jnp.float32
  assert batch['label'].dtype == jnp.int32
  assert source.arrays['image'].dtype == np.uint8
  images, labels = mnist5k.digits()
  for real, label in zip(pixels(batch['real'])[:8], batch['label'][:8], strict=True):
    places = [np.flatnonzero((images == real[..., c]).all(axis=(1, 2))) for c in range(3)]
    a, b, c = (labels[place[0]] for place in places)
    assert label == 100 * a + 10 * b + c


def test_rows_do_not_depend_on_how_the_batch_is_divided(source, batch):
  later = jax.jit(source.batch)
  parts = [later(source.arrays, 0, np.arange(16 * d, 16 * d + 16)) for d in range(4)]
  for name, array in batch.items():
    np.testing.assert_array_equal(array, np.concatenate([p[name] for p in parts]))


def test_batches_of_other_indices_and_seeds_differ(source, batch):
  again, other = source.batch(source.arrays, 1, np.arange(64)), stacked5k.load(1, 64)
  assert (again['label'] != batch['label']).mean() > 0.9
  assert (other.batch(other.arrays, 0, np.arange(64))['label'] != batch['label']).mean() > 0.9


def test_modes_are_equally_likely(source):
  draw = jax.jit(source.batch)
  labels = draw(source.arrays, 0, np.arange(10_000))['label']
  digits = np.stack([labels // 100, labels // 10 % 10, labels % 10], axis=1)
  # Each channel has 1,000 of each digit, with a standard deviation of sqrt(900) = 30.
  for channel in digits.T:
    assert abs(np.bincount(channel, minlength=10) - 1000).max() < 4.5 * 30
  # 10,000 of the true distribution have a divergence of about 999 / 20,000 = 0.05, deviation 0.0022,
  # which is a little more where modes have 10 samples alone; equal channels would have log 100.
  assert stacked_mnist.scores(digits)['reverse_kl'] == pytest.approx(999 / 20_000, abs=0.012)


def test_sizes_and_channels_follow_the_arguments():
  assert stacked5k.load(0, 4, size=32, channels=3).arrays['image'].shape == (5000, 32 * 32)
  for bad, message in (({'size': 0}, 'data.size=0: '), ({'channels': 1}, 'data.channels=1: ')):
    with pytest.raises(ConfigError, match=message):
      stacked5k.load(0, 4, **bad)


def test_source_scores_its_own_stacks(source, batch):
  found = source.modes.scores(pixels(batch['real']))
  wanted = len(set(np.asarray(batch['label']).tolist()))
  # The classifier may get one or two of 192 digits wrong.
  assert abs(found['captured'] - wanted) <= 2
