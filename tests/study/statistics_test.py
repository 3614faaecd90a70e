"""Statistics over seeds: closed forms, worked examples, every sign flip by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from gan_jax.study import statistics


def test_summary_is_mean_and_standard_error():
  # Differences from the mean -1.5, -0.5, 0.5, 1.5: variance 5 / 3, error sqrt(5 / 3 / 4).
  found = statistics.summary([1.0, 2.0, 3.0, 4.0])
  assert found.mean == 2.5
  assert found.error == pytest.approx(math.sqrt(5 / 12))
  assert (found.least, found.greatest, found.count, found.missing) == (1.0, 4.0, 4, 0)
  # The 97.5 % point of t with 3 degrees of freedom is 3.182446 (tables).
  assert (found.low, found.high) == pytest.approx(
    (2.5 - 3.182446 * math.sqrt(5 / 12), 2.5 + 3.182446 * math.sqrt(5 / 12))
  )


def test_runs_without_a_score_are_counted():
  found = statistics.summary([1.0, None, 3.0, math.nan, math.inf])
  assert (found.mean, found.count, found.missing) == (2.0, 2, 3)
  none = statistics.summary([None, None])
  assert math.isnan(none.mean) and (none.count, none.missing) == (0, 2)
  one = statistics.summary([5.0])
  assert one.mean == 5.0 and math.isnan(one.error) and math.isnan(one.low)


def test_p_value_of_a_pair_enumerates_all_sign_flips():
  a, b = [3.0, 1.0, 4.0, 1.5, 5.0], [2.0, 1.5, 1.0, 1.0, 2.0]
  diffs = np.subtract(a, b)
  means = [np.mean(diffs * signs) for signs in itertools.product((-1, 1), repeat=5)]
  wanted = np.mean(np.abs(means) >= abs(diffs.mean()) - 1e-12)
  found = statistics.paired(a, b)
  assert found.p == pytest.approx(wanted)
  assert found.difference == pytest.approx(diffs.mean())
  assert found.count == 5


def test_pairs_use_only_seeds_with_both_scores():
  found = statistics.paired([1.0, None, 3.0, 4.0], [0.0, 9.0, math.nan, 1.0])
  assert (found.count, found.difference) == (2, 2.0)
  alone = statistics.paired([1.0, None], [0.5, 1.0])
  assert (alone.count, alone.difference) == (1, 0.5) and math.isnan(alone.p)
  assert statistics.paired([1.0, 1.0], [1.0, 1.0])[:4] == (0.0, 0.0, 0.0, 1.0)


def test_p_value_without_a_difference_is_uniform():
  random = np.random.default_rng(1)
  p = [statistics.paired(*random.standard_normal((2, 8))).p for _ in range(200)]
  assert stats.kstest(p, 'uniform').pvalue > 0.01


def test_holm_correction_matches_hand_computation():
  # Sorted 0.01, 0.03, 0.04 times 3, 2, 1, none below the one before.
  assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
  assert statistics.holm([0.5, 0.9]) == [1.0, 1.0]
  with_none = statistics.holm([0.01, math.nan, 0.02])
  assert with_none[0] == 0.02 and math.isnan(with_none[1]) and with_none[2] == 0.02
  assert statistics.holm([]) == []


def test_settings_of_one_protocol_are_compared_pairwise():
  digits = {'data': 'mnist5k', 'features': 'digits', 'seed': 3, 'step': 500, 'weights': 'raw'}
  cards = {'a': [{}, {'data': 'mnist5k'}, digits], 'b': [{**digits, 'seed': 4, 'weights': 'averaged'}]}
  cards |= {'c': [{**digits, 'data': 'ring'}], 'd': [{**digits, 'features': 'random'}]}
  outcomes = {
    label: {'score': [place + seed**2 for seed in range(8)]} for place, label in enumerate('abcd')
  }
  found = statistics.all_pairs(
    outcomes, {label: statistics.protocol(own) for label, own in cards.items()}
  )
  assert [(pair['setting'], pair['less'], pair['difference']) for pair in found] == [('a', 'b', -1.0)]
  assert found[0]['p_holm'] == found[0]['p'] == 2 / 2**8


def test_setting_with_an_older_card_is_compared():
  old = {'data': 'mnist5k', 'features': 'digits', 'seed': 3}
  new = {
    **old,
    'compared': 50,
    'settings': {'kernel_distance': {'subsets': 1}},
    'remarks': {'x': 'few'},
  }
  assert statistics.protocol([old]) == statistics.protocol([new])


def test_correction_uses_the_number_of_pairs_per_score():
  outcomes = {
    label: {'score': [place + seed for seed in range(8)]} for place, label in enumerate('abc')
  }
  outcomes['a']['other'] = [seed + 1.0 for seed in range(8)]
  outcomes['b']['other'] = [1.0 * seed for seed in range(8)]
  found = statistics.all_pairs(outcomes, dict.fromkeys(outcomes, ''))
  times = {(pair['score'], pair['setting'], pair['less']): pair['p_holm'] / pair['p'] for pair in found}
  assert times == {
    **{('score', *pair): 3.0 for pair in itertools.combinations('abc', 2)},
    ('other', 'a', 'b'): 1.0,
  }
