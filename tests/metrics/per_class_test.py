"""Scores of labeled samples: goldens, the minimum of the regression in closed form, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from gan_jax.metrics import frechet, per_class

# Class 0: means 1 and 3, variances 2 and 8. Class 1: means 1 and 11, equal variances.
REAL, REAL_LABELS = np.array([[0.0], [0.0], [2.0], [2.0]]), np.array([0, 1, 0, 1])
FAKE, FAKE_LABELS = np.array([[10.0], [1.0], [5.0], [12.0]]), np.array([1, 0, 0, 1])


def blobs(count, classes=3, dimensions=4, spread=1.0, seed=0):
  """Classes around 4 times the unit vectors, [count * classes, dimensions], in order, and labels."""
  random = np.random.RandomState(seed)
  labels = np.repeat(np.arange(classes), count)
  return 4 * np.eye(classes, dimensions)[labels] + spread * random.randn(
    len(labels), dimensions
  ), labels


def test_intra_frechet_in_one_dimension_matches_hand_computation():
  found = per_class.intra_frechet(REAL, REAL_LABELS, FAKE, FAKE_LABELS)
  # (1 - 3)^2 + (2^1/2 - 8^1/2)^2 = 4 + 2, and (1 - 11)^2 = 100.
  np.testing.assert_allclose(found.distances, [6, 100], rtol=1e-12)
  assert found.mean == pytest.approx(53, rel=1e-12)
  np.testing.assert_array_equal(found.classes, [0, 1])
  np.testing.assert_array_equal([found.real, found.fake], [[2, 2], [2, 2]])


def test_intra_frechet_weighs_classes_equally_whatever_their_sizes():
  real, real_labels = blobs(30)
  fake, fake_labels = blobs(20, seed=1)
  more = np.concatenate([fake, blobs(20, seed=2)[0][40:]])
  found = per_class.intra_frechet(real, real_labels, more, np.r_[fake_labels, np.full(20, 2)])
  np.testing.assert_array_equal(found.fake, [20, 20, 40])
  alone = [
    frechet.distance(
      frechet.moments(real[real_labels == k]), frechet.moments(more[[*range(20 * k, 20 * k + n)]])
    )
    for k, n in ((0, 20), (1, 20), (2, 40))
  ]
  np.testing.assert_allclose(found.distances, alone, rtol=1e-9)
  assert found.mean == pytest.approx(np.mean(alone), rel=1e-9)


def test_intra_frechet_finds_exchanged_classes_that_the_whole_distance_misses():
  real, labels = blobs(50, classes=2)
  whole = frechet.distance(frechet.moments(real), frechet.moments(real))
  same = per_class.intra_frechet(real, labels, real, labels).mean
  exchanged = per_class.intra_frechet(real, labels, real, 1 - labels)
  between = np.square(real[:50].mean(axis=0) - real[50:].mean(axis=0)).sum()
  assert whole == pytest.approx(0, abs=1e-9)
  assert same == pytest.approx(0, abs=1e-9)
  assert between > 25
  assert (exchanged.distances >= between * (1 - 1e-9)).all()
  np.testing.assert_allclose(*exchanged.distances, rtol=1e-6)


def test_intra_frechet_does_not_depend_on_order_or_on_names_of_classes():
  (real, real_labels), (fake, fake_labels) = blobs(12), blobs(9, seed=1)
  found = per_class.intra_frechet(real, real_labels, fake, fake_labels)
  order = np.random.RandomState(3).permutation(len(fake))
  names = np.array([70, 5, 11])
  again = per_class.intra_frechet(real, names[real_labels], fake[order], names[fake_labels][order])
  np.testing.assert_array_equal(again.classes, [5, 11, 70])
  np.testing.assert_allclose(again.distances, found.distances[[1, 2, 0]], rtol=1e-9)


def test_label_accuracy_matches_hand_computation():
  logits = np.array([[2.0, 1.0, 0.0], [0.0, 5.0, 1.0], [-3.0, -2.0, -1.0], [9.0, 0.0, 0.0]])
  # The largest logits are 0, 1, 2, 0.
  assert per_class.label_accuracy(logits, np.array([0, 1, 2, 1])) == 3 / 4
  assert per_class.label_accuracy(jnp.array(logits), jnp.array([1, 0, 0, 2])) == 0


def test_regression_of_two_points_matches_the_closed_form():
  # Points -1 and 1 have the root mean square 1. By symmetry weights are -a, a, and the biases 0. The
  # objective ln(1 + exp(-2 a)) + l2 a^2 has the derivative -2 sigmoid(-2 a) + 2 l2 a, 0 at a = 1.
  l2 = 1 / (1 + np.exp(2))
  found = per_class.fit(np.array([[4.0], [2.0]]), np.array([7, 3]), l2=l2)
  np.testing.assert_array_equal(found.classes, [3, 7])
  assert (found.center, found.scale) == (3, 1)
  np.testing.assert_allclose(found.weights, [[-1, 1]], atol=1e-5)
  np.testing.assert_allclose(found.biases, [0, 0], atol=1e-5)
  np.testing.assert_array_equal(found.predict(np.array([[2.9], [3.1], [-50.0]])), [3, 7, 3])


def test_regression_of_constant_features_predicts_the_most_frequent_class():
  found = per_class.fit(np.ones((6, 2)), np.array([0, 4, 4, 4, 2, 2]))
  assert found.scale == 1
  np.testing.assert_allclose(found.weights, 0, atol=1e-9)
  # Biases are the logarithms of 1/6, 2/6, 3/6, up to a constant.
  np.testing.assert_allclose(np.diff(found.biases), np.log([2, 3 / 2]), atol=1e-4)
  np.testing.assert_array_equal(found.predict(np.ones((2, 2))), [4, 4])


@pytest.mark.parametrize('l2', [1e-3, per_class.L2, 1.0])
def test_regression_has_no_gradient_at_its_minimum(l2):
  features, labels = blobs(20, spread=3.0)
  found = per_class.fit(features, labels, l2=l2)
  inputs = (features - features.mean(axis=0)) / found.scale
  assert np.square(inputs).mean() == pytest.approx(1, rel=1e-12)

  def objective(weights, biases):
    log_probs = jax.nn.log_softmax(inputs @ weights + biases)
    return -log_probs[np.arange(len(labels)), labels].mean() + l2 / 2 * (weights**2).sum()

  with jax.enable_x64(True):
    slopes = jax.grad(objective, (0, 1))(jnp.array(found.weights), jnp.array(found.biases))
  for slope in slopes:
    np.testing.assert_allclose(slope, 0, atol=2e-6)


def test_objective_has_the_gradient_of_finite_differences():
  features, labels = blobs(5)
  values = np.random.RandomState(0).randn(5 * 3)
  arguments = (features, labels, 0.3)
  slope = scipy.optimize.approx_fprime(values, lambda x: per_class._objective(x, *arguments)[0], 1e-7)
  np.testing.assert_allclose(per_class._objective(values, *arguments)[1], slope, atol=1e-5)


def test_accuracy_is_the_fraction_of_test_examples_that_are_predicted():
  train, labels = np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([0, 0, 1, 1])
  # The border is 5, by symmetry: 3 of 4 are right, and class 2 is never predicted.
  test, test_labels = np.array([[4.0], [6.0], [5.5], [20.0]]), np.array([0, 1, 1, 2])
  assert per_class.classification_accuracy(train, labels, test, test_labels) == 3 / 4


def test_accuracy_does_not_depend_on_unit_origin_or_order_and_repeats_exactly():
  (train, labels), (test, test_labels) = blobs(30, spread=2.0), blobs(40, spread=2.0, seed=1)
  found = per_class.classification_accuracy(train, labels, test, test_labels)
  assert 0.6 < found < 1
  assert found == per_class.classification_accuracy(train, labels, test, test_labels)
  moved = per_class.classification_accuracy(1e3 * train + 7, labels, 1e3 * test + 7, test_labels)
  assert moved == found
  order = np.random.RandomState(2).permutation(len(train))
  assert per_class.classification_accuracy(train[order], labels[order], test, test_labels) == found


def test_classifier_of_collapsed_samples_is_worse_on_real_examples():
  (real, labels), (test, test_labels) = blobs(40, spread=2.0), blobs(100, spread=2.0, seed=1)
  # Each class repeats its first example.
  collapsed = real[labels * 40]
  good = per_class.classification_accuracy(real, labels, test, test_labels)
  assert per_class.classification_accuracy(collapsed, labels, test, test_labels) < good - 0.05
  # Without any relation to the label, it is near 1/3.
  random = np.random.RandomState(0).permutation(labels)
  assert per_class.classification_accuracy(real, random, test, test_labels) < 0.6


def test_more_features_than_examples_are_separated():
  features, labels = np.random.RandomState(0).randn(12, 50), np.arange(12) % 3
  assert per_class.classification_accuracy(features, labels, features, labels) == 1


def test_one_class_is_always_predicted():
  found = per_class.fit(np.random.RandomState(0).randn(5, 2), np.full(5, 3))
  np.testing.assert_array_equal(found.predict(np.zeros((2, 2))), [3, 3])


BAD = {
  'one sample of a class': (
    lambda: per_class.intra_frechet(REAL, REAL_LABELS, FAKE, np.array([1, 0, 1, 1])),
    r'class 0: 2 real and 1 generated examples are too few \(at least 2 of each\); give more',
  ),
  'a class of samples alone': (
    lambda: per_class.intra_frechet(REAL, REAL_LABELS, FAKE, np.array([1, 5, 5, 1])),
    'class 0: 2 real and 0 generated',
  ),
  'too few labels': (
    lambda: per_class.intra_frechet(REAL, REAL_LABELS[:3], FAKE, FAKE_LABELS),
    r'real labels=int64 \[3\]: wrong type or shape \(whole numbers \[4\], one for each example\)',
  ),
  'labels that are weights': (
    lambda: per_class.intra_frechet(REAL, REAL_LABELS, FAKE, np.ones((4, 2))),
    r'fake labels=float64 \[4, 2\]: wrong type or shape',
  ),
  'negative labels': (
    lambda: per_class.label_accuracy(np.zeros((2, 3)), np.array([0, -1])),
    r'labels=-1: out of range \(at least 0\)',
  ),
  'labels of other classes': (
    lambda: per_class.label_accuracy(np.zeros((2, 3)), np.array([0, 3])),
    r'labels=3: out of range \(0 to 2, the classes of the logits\)',
  ),
  'NaN': (
    lambda: per_class.label_accuracy(np.full((1, 2), np.nan), np.array([0])),
    'logits: 1 of 1 examples contain NaN',
  ),
  'other features': (
    lambda: per_class.classification_accuracy(REAL, REAL_LABELS, np.ones((4, 2)), FAKE_LABELS),
    'test features have 2 dimensions, and training features 1; compute both with the same network',
  ),
  'l2 of 0': (
    lambda: per_class.fit(REAL, REAL_LABELS, l2=0.0),
    r'l2=0\.0: out of range \(a finite number above 0\); change l2',
  ),
}


@pytest.mark.parametrize('case', BAD)
def test_unusable_labels_and_features_are_rejected(case):
  call, said = BAD[case]
  with pytest.raises(ValueError, match=said):
    call()


def test_regression_that_does_not_reach_its_minimum_is_an_error(monkeypatch):
  monkeypatch.setattr(per_class, '_ITERATIONS', 1)
  with pytest.raises(ValueError, match=r'l2=1e-05: too small \(a derivative of .* after 1 steps'):
    per_class.fit(*blobs(20), l2=1e-5)
