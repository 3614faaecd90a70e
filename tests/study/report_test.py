"""The tables of a study, from scores."""

import math

from gan_jax.study import report, statistics


def tables(seeds):
  outcomes = {'a': {'x': [3.0, 5.0, 4.0, 6.0, 5.0, 7.0][:seeds]}, 'b': {'x': [1.0] * seeds}}
  results = {label: [{'diverged': None}] * seeds for label in outcomes}
  compared = statistics.all_pairs(outcomes, {'a': '', 'b': ''})
  return report._rows(results, outcomes), report._pair_rows(compared), compared


def test_report_of_six_seeds_has_intervals_of_means_and_differences():
  (_, rows), (head, pairs), _ = tables(6)
  # Mean 5, differences -2, 0, -1, 1, 0, 2: s^2 = 2, error sqrt(2 / 6) = 0.5774, times 2.5706 is 1.484.
  assert rows[0][-1] == '5 ± 0.5774 [3.516, 6.484]'
  assert rows[1][-1] == '1 ± 0 [1, 1]'
  # The test may reject one of 32 pairs of opposite signs: the ends are the extreme differences.
  cells = dict(zip(head, pairs[0], strict=True))
  assert cells['difference'] == '4 ± 0.5774'
  assert (cells['95 % interval'], cells['p']) == ('[2, 6]', '0.03125')


def test_report_of_three_seeds_has_no_interval_of_differences():
  _, (head, pairs), compared = tables(3)
  assert dict(zip(head, pairs[0], strict=True))['95 % interval'] == '-'
  (plain,) = report._plain(compared)
  assert plain['low'] is plain['high'] is None and math.isclose(plain['p'], 0.25)


def test_report_of_one_seed_has_only_a_difference():
  _, (head, pairs), _ = tables(1)
  cells = dict(zip(head, pairs[0], strict=True))
  assert (cells['difference'], cells['95 % interval']) == ('2', '-')


def test_undefined_score_is_a_dash_and_not_compared():
  remarks = {'kernel_error_x': 'each subset would be all 50', 'frechet_x': 'too few'}
  void = {'frechet_x': 2.0, 'kernel_error_x': None, 'support_x': None}
  known = {'frechet_x': 3.0, 'kernel_error_x': 0.5, 'support_x': None}
  results = {
    'void': [{'diverged': None, 'scores': void, 'card': {'remarks': remarks}}] * 2,
    'old': [{'diverged': None, 'scores': known, 'card': {'data': 'x'}}] * 2,
    'lost': [{'diverged': 3, 'scores': {}, 'card': {}}] * 2,
  }
  outcomes = {label: report._outcome(found) for label, found in results.items()}
  _, rows = report._rows(results, outcomes)
  cells = {row[0]: row[3:] for row in rows}
  assert cells == {
    'void': ['2 ± 0 [2, 2]', 'none of 2', '-'],
    'old': ['3 ± 0 [3, 3]', 'none of 2', '0.5 ± 0 [0.5, 0.5]'],
    'lost': ['-', '-', '-'],
  }
  compared = statistics.all_pairs(outcomes, dict.fromkeys(results, ''))
  assert {pair['score'] for pair in compared} == {'frechet_x', 'support_x'}


def test_text_states_the_kind_of_interval():
  said = report._ABOUT + report._ABOUT_PAIRS
  assert 'bootstrap' not in said and "Student's t" in said
  assert 'sign-flip' in said and 'fewer than 6 seeds' in said
