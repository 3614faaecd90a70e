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
  with pytest.raises(
    ConfigError,
    match=f'^--label={text}: unknown label .* .whole numbers from 0; the labels of this data have no',
  ):
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
  ('label', 'message'),
  [
    (4, 'label=4: out of range .0 to 3 in this game.'),
    ([0, 1, 2], 'label=0,1,2: 8 samples do not divide among 3 labels'),
    (-1, 'label=-1: not labels .whole numbers from 0 to 3, or weights'),
    (1.5, 'label=1.5: not labels'),
    ([], 'label=: not labels'),
  ],
)
def test_labels_that_do_not_fit_are_rejected(label, message):
  with pytest.raises(ConfigError, match=message):
    sample_labels.of_samples(LABELED, label, 8)


def test_names_of_labels_are_numbers_in_their_order():
  names = ['cat', 'dog', '7']
  assert sample_labels.parse('dog, 0,7', names) == [1, 0, 2]
  assert sample_labels.numbered('dog', names) == 1
  assert sample_labels.numbered(['7', 0], names) == [2, 0]
  assert sample_labels.numbered(3, names) == 3


def test_unknown_name_of_a_label_is_rejected_with_the_closest():
  with pytest.raises(
    ConfigError, match="label=cats: unknown label 'cats' .cat, dog.; did you mean 'cat'"
  ):
    sample_labels.numbered('cats', ['cat', 'dog'])
  with pytest.raises(ConfigError, match='^--label=0,x: unknown label .x. .*have no names.; choose'):
    sample_labels.parse('0,x')


def test_label_of_a_game_without_labels_is_rejected():
  with pytest.raises(ConfigError, match='--label=1: this game is not conditioned on labels; leave out'):
    sample_labels.of_samples(dirac(), 1, 8, '--label')
