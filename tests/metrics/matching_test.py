"""The accuracy of the best matching: goldens, all matchings, invariances, and what is refused."""

import itertools
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import metrics
from helpers.experiments import ROOT


@pytest.mark.parametrize(
  ('confusion', 'accuracy'),
  [
    # (3 + 4) / 8 for the matching 0 -> 0, 1 -> 1.
    ([[3, 1], [0, 4]], 7 / 8),
    # 0 -> 1, 1 -> 0 matches 5 + 4. The largest count, 6, is not in the best matching: 6 + 0 is less.
    ([[6, 5], [4, 0]], 9 / 15),
    # Three codes of two classes: 1 -> 0, 2 -> 1, and the 4 examples of code 0 are errors.
    ([[2, 2], [5, 0], [0, 3]], 8 / 12),
    # Two codes of three classes: 0 -> 0, 1 -> 2, and the other examples are errors.
    ([[4, 4, 0], [0, 1, 6]], 10 / 15),
    # All examples have one code: one class is matched.
    ([[5, 5, 5, 5], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], 1 / 4),
    ([[0.25, 0.25], [0.5, 0.0]], 3 / 4),
    ([[3]], 1),
  ],
)
def test_matching_accuracy_matches_hand_computation(confusion, accuracy):
  for array in (np.asarray, jnp.asarray, list):
    assert metrics.matching_accuracy(array(confusion)) == pytest.approx(accuracy, rel=1e-12)


@pytest.mark.parametrize('shape', [(4, 4), (3, 5), (5, 3)])
def test_matching_accuracy_is_the_largest_of_all_matchings(shape):
  counts = np.random.RandomState(0).randint(0, 20, shape)
  wide = counts if shape[0] <= shape[1] else counts.T
  best = max(
    sum(wide[row, column] for row, column in enumerate(columns))
    for columns in itertools.permutations(range(wide.shape[1]), len(wide))
  )
  assert metrics.matching_accuracy(counts) == pytest.approx(best / counts.sum(), rel=1e-12)
  # The mean over all matchings is 1 / max(K, C).
  assert metrics.matching_accuracy(counts) >= 1 / max(shape)


def test_names_of_codes_and_classes_do_not_matter():
  random = np.random.RandomState(1)
  counts = random.randint(0, 20, (6, 6))
  renamed = counts[random.permutation(6)][:, random.permutation(6)]
  assert metrics.matching_accuracy(renamed) == metrics.matching_accuracy(counts)
  perfect = np.diag(random.randint(1, 9, 6))[random.permutation(6)]
  assert metrics.matching_accuracy(perfect) == 1


@pytest.mark.parametrize(
  ('confusion', 'said'),
  [
    ([[1, -1], [0, 2]], 'confusion: it has negative numbers'),
    ([[1.0, np.nan]], 'confusion: it has negative numbers, NaN'),
    ([[1.0, np.inf]], 'confusion: it has negative numbers, NaN or infinity'),
    ([[0, 0], [0, 0]], 'confusion: it counts 0 examples'),
    (np.zeros((0, 3)), 'confusion: it counts 0 examples'),
    ([1, 2], r'confusion: wrong shape \[2\] \(\[codes, classes\]\)'),
  ],
)
def test_bad_counts_are_rejected(confusion, said):
  with pytest.raises(ValueError, match=said):
    metrics.matching_accuracy(confusion)


def test_metrics_are_reached_from_the_package_without_importing_them_with_it():
  script = (
    'import sys, gan_jax\n'
    'assert not {"jax", "numpy", "scipy"} & {*sys.modules}\n'
    'from gan_jax import metrics\n'
    'print(metrics.matching_accuracy([[3, 1], [0, 4]]))'
  )
  done = subprocess.run(
    [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout == '0.875\n'
