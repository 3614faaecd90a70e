"""Labels that a user asks samples of."""

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.storage import sample_labels
from helpers.toy_games import dirac

LABELED = dirac()._replace(classes=4)


@pytest.mark.parametrize(
  ('text', 'labels'), [(None, None), ('3', [3]), ('0,1,2', [0, 1, 2]), ('0, 2', [0, 2])]
)
def test_flag_is_parsed(text, labels):
  assert sample_labels.parse(text) == labels


@pytest.mark.parametrize('text', ['', 'cat', '-1', '1,,2', '1.5', '0-3'])
def test_flag_that_is_no_list_of_labels_is_rejected(text):
  with pytest.raises(ConfigError, match=f'--label={text}: not a list of labels'):
    sample_labels.parse(text)


@pytest.mark.parametrize(
  ('num', 'labels', 'count'),
  [(None, None, 64), (None, [3], 64), (None, [0, 1, 2], 24), (30, [0, 1, 2], 30), (5, None, 5)],
)
def test_number_of_samples_is_that_of_the_flag_or_eight_for_each_label(num, labels, count):
  assert sample_labels.count(num, labels, default=64) == count


def test_number_that_does_not_divide_among_labels_is_rejected():
  with pytest.raises(ConfigError, match='--num=10: does not divide among 3 labels'):
    sample_labels.count(10, [0, 1, 2], default=64)


def test_each_label_gets_equally_many_consecutive_samples():
  np.testing.assert_array_equal(sample_labels.of_samples(LABELED, [2, 0], 6), [2, 2, 2, 0, 0, 0])
  np.testing.assert_array_equal(sample_labels.of_samples(LABELED, 3, 2), [3, 3])
  assert sample_labels.of_samples(LABELED, 3, 2).dtype == np.int32


def test_weights_of_classes_pass_unchanged():
  weights = np.array([[0.5, 0.5, 0, 0], [0, 0, 0, 1.0]])
  np.testing.assert_array_equal(sample_labels.of_samples(LABELED, weights, 2), weights)


def test_samples_without_a_label_have_no_condition():
  assert sample_labels.of_samples(LABELED, None, 5) is None
  assert sample_labels.of_samples(dirac(), None, 5) is None


@pytest.mark.parametrize(
  ('label', 'num', 'shown'), [(4, 8, '4'), ([0, 1, 2], 8, '0,1,2'), (-1, 8, '-1'), (1.5, 8, '1.5')]
)
def test_labels_that_do_not_fit_are_rejected(label, num, shown):
  with pytest.raises(ConfigError, match=f'label={shown}: not usable for {num} samples'):
    sample_labels.of_samples(LABELED, label, num)


def test_label_of_a_game_without_labels_is_rejected():
  with pytest.raises(ConfigError, match='--label=1: this game is not conditioned on labels; leave out'):
    sample_labels.of_samples(dirac(), 1, 8, '--label')
