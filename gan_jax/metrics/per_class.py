"""Scores of samples whose classes are known, from the outputs of a network.

A label is a whole number of at least 0. All computations are on the host in float64.
"""

from typing import NamedTuple

import jax
import numpy as np
from scipy import optimize, special

from gan_jax.common import numerics
from gan_jax.metrics import _validation, frechet

L2 = 1e-2
"""The default weight of the penalty of `fit`."""

_TOLERANCE = 1e-6
_ITERATIONS = 5_000


class IntraFrechet(NamedTuple):
  """Frechet distances of the classes, one each.

  Attributes:
    mean: the mean of `distances`.
    classes: the labels of the C classes, [C], sorted.
    distances: float64 [C].
    real: the numbers of real examples, [C].
    fake: the numbers of generated examples, [C].
  """

  mean: float
  classes: np.ndarray
  distances: np.ndarray
  real: np.ndarray
  fake: np.ndarray


class LinearClassifier(NamedTuple):
  """A linear classifier of features, see `fit`.

  Attributes:
    classes: the labels that it predicts, [C], sorted.
    center: [D], subtracted from features.
    scale: a number, by which features are divided after that.
    weights: [D, C].
    biases: [C].
  """

  classes: np.ndarray
  center: np.ndarray
  scale: float
  weights: np.ndarray
  biases: np.ndarray

  def predict(self, features: np.ndarray) -> np.ndarray:
    """Returns the labels [N] of features [N, D]."""
    logits = (features - self.center) / self.scale @ self.weights + self.biases
    return self.classes[logits.argmax(axis=1)]


def intra_frechet(
  real: jax.typing.ArrayLike,
  real_labels: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  fake_labels: jax.typing.ArrayLike,
) -> IntraFrechet:
  """Returns the Frechet distances between real and generated examples of the same class.

  All classes have the same weight. The mean is 0 for equal sets. Unlike the distance of all examples,
  it detects samples of a wrong class, and samples that lack variety within a class.

  Args:
    real: [M, D].
    real_labels: [M].
    fake: [N, D].
    fake_labels: [N], the labels that the examples were generated for.

  Raises:
    ValueError: a class with fewer than 2 real or generated examples, NaN or infinity, differing D, or
      labels that are not whole numbers of at least 0, one for each example.

  Source: Miyato & Koyama 2018 (arXiv:1802.05637), who call it intra FID; `frechet` has the formula.
  """
  real, fake = _validation.pair(real, fake)
  real_labels = _checked_labels('real labels', real_labels, len(real))
  fake_labels = _checked_labels('fake labels', fake_labels, len(fake))
  classes = np.union1d(real_labels, fake_labels)
  counts = [(labels[:, None] == classes).sum(axis=0) for labels in (real_labels, fake_labels)]
  _check_counts(classes, *counts)
  of_class = lambda label: frechet.distance(
    frechet.prepare_examples(real[real_labels == label]),
    frechet.moments(fake[fake_labels == label]),
  )
  distances = np.array([of_class(label) for label in classes])
  return IntraFrechet(float(distances.mean()), classes, distances, *counts)


def _check_counts(classes: np.ndarray, real: np.ndarray, fake: np.ndarray) -> None:
  rarest = np.minimum(real, fake).argmin()
  if min(real[rarest], fake[rarest]) < 2:
    raise ValueError(
      f'class {classes[rarest]}: {real[rarest]} real and {fake[rarest]} generated examples are too few '
      '(at least 2 of each); give more'
    )


def label_accuracy(logits: jax.typing.ArrayLike, labels: jax.typing.ArrayLike) -> float:
  """Returns the fraction of examples whose label has the largest logit of a classifier.

  Args:
    logits: [N, K].
    labels: [N], from 0 to K - 1.

  Raises:
    ValueError: labels out of range or not whole, another number of them, NaN or infinity.
  """
  logits = _validation.checked('logits', logits)
  labels = _checked_labels('labels', labels, len(logits))
  if labels.max() >= logits.shape[1]:
    raise ValueError(
      f'labels={labels.max()}: out of range (0 to {logits.shape[1] - 1}, the classes of the logits); '
      'use a classifier of these labels'
    )
  return float((logits.argmax(axis=1) == labels).mean())


def classification_accuracy(
  train: jax.typing.ArrayLike,
  train_labels: jax.typing.ArrayLike,
  test: jax.typing.ArrayLike,
  test_labels: jax.typing.ArrayLike,
  *,
  l2: float = L2,
) -> float:
  """Returns the accuracy on test examples of a linear classifier of features, see `fit`.

  With generated training examples and real test examples, this is the classification accuracy score
  (CAS), except for the classifier. The paper trains a ResNet-50 on images. Use features of a network
  that has not learned these classes: otherwise a few examples of each class suffice for any accuracy.

  Args:
    train: features of the training examples, [M, D].
    train_labels: [M]; other labels are never predicted.
    test: features of the test examples, [N, D].
    test_labels: [N].
    l2: the weight of the penalty.

  Raises:
    ValueError: labels that are not whole numbers of at least 0, one for each example, NaN or infinity,
      differing D, or as `fit`.

  Source: Ravuri & Vinyals 2019 (arXiv:1905.10887).
  """
  classifier = fit(train, train_labels, l2=l2)
  test = _validation.checked('test features', test)
  test_labels = _checked_labels('test labels', test_labels, len(test))
  if test.shape[1] != len(classifier.center):
    raise ValueError(
      f'test features have {test.shape[1]} dimensions, and training features {len(classifier.center)}; '
      'compute both with the same network'
    )
  return float((classifier.predict(test) == test_labels).mean())


def fit(
  features: jax.typing.ArrayLike, labels: jax.typing.ArrayLike, *, l2: float = L2
) -> LinearClassifier:
  """Returns the multinomial logistic regression of labels on features.

  It minimizes the mean cross-entropy plus l2 / 2 times the sum of the squared weights, without the
  biases. Features are centered and divided by one number, the root mean square of all centered
  features. Their unit and origin thus do not matter. The objective is convex. L-BFGS starts from zeros
  with all examples in every step, so that equal inputs give equal results. It stops where no derivative
  is above 1e-6.

  Args:
    features: [N, D].
    labels: [N].
    l2: a finite number above 0.

  Raises:
    ValueError: NaN or infinity, labels that are not whole numbers of at least 0, another number of
      them, `l2` out of range, or a minimum that is not found in 5,000 steps.
  """
  if not numerics.is_positive(l2):
    raise ValueError(f'l2={l2!r}: out of range (a finite number above 0); change l2')
  features = _validation.checked('training features', features)
  labels = _checked_labels('training labels', labels, len(features))
  classes, targets = np.unique(labels, return_inverse=True)
  center = features.mean(axis=0)
  inputs = features - center
  scale = float(np.sqrt(np.square(inputs).mean())) or 1.0
  inputs /= scale
  start = np.zeros((features.shape[1] + 1) * len(classes))
  found = optimize.minimize(
    _objective,
    start,
    (inputs, targets, l2),
    method='L-BFGS-B',
    jac=True,
    options={'maxiter': _ITERATIONS, 'maxfun': 2 * _ITERATIONS, 'gtol': _TOLERANCE, 'ftol': 0},
  )
  steepest = np.abs(found.jac).max()
  if steepest > 10 * _TOLERANCE:
    raise ValueError(
      f'l2={l2!r}: too small (a derivative of {steepest:.1g} after {found.nit:,} steps, at most '
      f'{10 * _TOLERANCE:g}); enlarge l2'
    )
  weights, biases = _split(found.x, features.shape[1])
  return LinearClassifier(classes, center, scale, weights, biases)


def _split(values: np.ndarray, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns the weights [D, C] and the biases [C] in one vector [(D + 1) C]."""
  rows = values.reshape(dimensions + 1, -1)
  return rows[:-1], rows[-1]


def _objective(
  values: np.ndarray, inputs: np.ndarray, targets: np.ndarray, l2: float
) -> tuple[float, np.ndarray]:
  """Returns the objective of `fit`, and its gradient.

  Args:
    values: weights and biases, [(D + 1) C].
    inputs: [N, D].
    targets: indices of the classes, [N].
    l2: the weight of the penalty.
  """
  weights, biases = _split(values, inputs.shape[1])
  log_probs = special.log_softmax(inputs @ weights + biases, axis=1)
  examples = np.arange(len(inputs))
  value = l2 / 2 * np.square(weights).sum() - log_probs[examples, targets].mean()
  residuals = np.exp(log_probs)
  residuals[examples, targets] -= 1
  residuals /= len(inputs)
  gradient = np.vstack([inputs.T @ residuals + l2 * weights, residuals.sum(axis=0)])
  return float(value), gradient.ravel()


def _checked_labels(name: str, labels: jax.typing.ArrayLike, count: int) -> np.ndarray:
  """Returns labels [count] on the host, after checks.

  Raises:
    ValueError: other than `count` whole numbers of at least 0.
  """
  array = np.asarray(labels)
  if array.shape != (count,) or array.dtype.kind not in 'iu':
    raise ValueError(
      f'{name}={array.dtype} {list(array.shape)}: wrong type or shape (whole numbers [{count}], one '
      'for each example); convert the labels'
    )
  if array.min(initial=0) < 0:
    raise ValueError(f'{name}={array.min()}: out of range (at least 0); leave out such examples')
  return array
