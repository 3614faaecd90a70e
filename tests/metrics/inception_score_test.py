"""The inception score by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import inception_score


def score(logits, **settings):
  return inception_score.inception_score(np.asarray(logits), **{'splits': 1} | settings).mean


def logits_of(*rows):
  return np.log(np.array(rows, np.float64))


def test_inception_score_matches_hand_computation():
  # p(y) = (1/2, 1/2): each row has KL 3/4 log(3/2) + 1/4 log(1/2).
  expected = np.exp(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
  assert score(logits_of([0.75, 0.25], [0.25, 0.75])) == pytest.approx(expected, rel=1e-12)


def test_inception_score_with_zero_probabilities_matches_hand_computation():
  # p(y) = (3/4, 1/4): (log(4/3) + 1/2 log(2/3) + 1/2 log 2) / 2.
  expected = np.exp((np.log(4 / 3) + 0.5 * np.log(2 / 3) + 0.5 * np.log(2)) / 2)
  assert score([[800.0, 0], [0, 0]]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize('classes', [1, 2, 10, 1000])
def test_inception_score_of_confident_balanced_logits_is_the_number_of_classes(classes):
  logits = 1e4 * np.eye(classes)
  assert score(np.concatenate([logits] * 3)) == pytest.approx(classes, rel=1e-12)


def test_inception_score_of_one_class_is_one():
  found = inception_score.inception_score(np.random.RandomState(0).randn(50, 1))
  assert found == (1, 0, 10)


@pytest.mark.parametrize('row', [[0.3, -1.7, 2.2], [1e4, 0, -1e4], [0, 0, 0]])
def test_inception_score_of_equal_logits_is_one(row):
  found = inception_score.inception_score(np.tile(np.float32(row), (37, 1)), splits=3)
  assert found == (1, 0, 3)


def test_inception_score_ignores_a_constant_added_to_a_row():
  logits = np.random.RandomState(0).randn(40, 5)
  moved = logits + 1e3 * np.arange(40)[:, None]
  assert score(moved) == pytest.approx(score(logits), rel=1e-9)


def test_splits_are_contiguous_and_nearly_equal():
  logits = np.random.RandomState(0).randn(10, 4)
  # 10 * i // 4 is 0, 2, 5, 7, 10.
  parts = [score(logits[start:stop]) for start, stop in [(0, 2), (2, 5), (5, 7), (7, 10)]]
  found = inception_score.inception_score(logits, splits=4, shuffle=False)
  assert found.mean == pytest.approx(np.mean(parts), rel=1e-12)
  assert found.std == pytest.approx(np.std(parts), rel=1e-12)
  assert found.splits == 4


def test_inception_score_of_sorted_examples_needs_shuffling():
  logits = np.repeat(50 * np.eye(10), 20, axis=0)
  # In order, a split is one class.
  assert inception_score.inception_score(logits, shuffle=False).mean == pytest.approx(1)
  shuffled = [inception_score.inception_score(logits, seed=seed) for seed in (0, 0, 1)]
  assert shuffled[0] == shuffled[1] != shuffled[2]
  assert 5 < shuffled[0].mean < 10


def test_float32_logits_are_precise_enough():
  logits = 3 * np.random.RandomState(0).randn(100, 10)
  found = inception_score.inception_score(jnp.asarray(logits, jnp.float32))
  assert found == pytest.approx(inception_score.inception_score(logits), rel=1e-5)


def test_invalid_inputs_are_rejected():
  good = np.zeros((4, 2))
  bad = np.array([[0.0, 1], [np.inf, 0], [np.nan, 0]])
  for logits, settings, message in [
    (good, {}, 'splits=10: too many .at most 4'),
    (good, {'splits': 0}, 'splits=0'),
    (bad, {'splits': 1}, 'logits: 2 of 3 examples contain NaN or infinity'),
    (good[:0], {'splits': 1}, 'logits: 0 examples are too few'),
    (good[0], {'splits': 1}, r'logits: wrong shape \[2\]'),
  ]:
    with pytest.raises(ValueError, match=message):
      inception_score.inception_score(logits, **settings)
