"""The tables of a study, from scores."""

import math

from gan_jax.study import report, tables
from gan_jax.study.result import SettingResult, compare


def setting(label, values):
  return SettingResult(label, [{'diverged': None, 'scores': {'x': v}, 'card': {}} for v in values])


def study_of(seeds):
  return compare([setting('a', [3.0, 5.0, 4.0, 6.0, 5.0, 7.0][:seeds]), setting('b', [1.0] * seeds)])


def comparison(study):
  head, rows = tables.comparison_table(study.comparisons)
  return dict(zip(head, rows[0], strict=True))


def test_report_of_six_seeds_has_intervals_of_means_and_differences():
  study = study_of(6)
  rows = tables.score_table(study).rows
  # Mean 5, differences -2, 0, -1, 1, 0, 2: s^2 = 2, error sqrt(2 / 6) = 0.5774, times 2.5706 is 1.484.
  assert rows[0][-1] == '5 ± 0.5774 [3.516, 6.484]'
  assert rows[1][-1] == '1 ± 0 [1, 1]'
  # The test may reject one of 32 pairs of opposite signs: the ends are the extreme differences.
  cells = comparison(study)
  assert cells['difference'] == '4 ± 0.5774'
  assert (cells['95 % interval'], cells['p']) == ('[2, 6]', '0.03125')


def test_report_of_three_seeds_has_no_interval_of_differences():
  study = study_of(3)
  assert comparison(study)['95 % interval'] == '-'
  (plain,) = report._plain(study.comparisons)
  assert plain['low'] is plain['high'] is None and math.isclose(plain['p'], 0.25)


def test_report_of_one_seed_has_only_a_difference():
  cells = comparison(study_of(1))
  assert (cells['difference'], cells['95 % interval']) == ('2', '-')


def test_undefined_score_is_a_dash_and_not_compared():
  remarks = {'kernel_error_x': 'each subset would be all 50', 'frechet_x': 'too few'}
  void = {'frechet_x': 2.0, 'kernel_error_x': None, 'support_x': None}
  known = {'frechet_x': 3.0, 'kernel_error_x': 0.5, 'support_x': None}
  card = {'remarks': remarks}
  study = compare(
    [
      SettingResult('void', [{'diverged': None, 'scores': void, 'card': card}] * 2),
      SettingResult('old', [{'diverged': None, 'scores': known, 'card': {}}] * 2),
      SettingResult('diverged', [{'diverged': 3, 'scores': {}, 'card': {}}] * 2),
    ]
  )
  assert {row[0]: row[2:] for row in tables.score_table(study).rows} == {
    'void': ['0', '2 ± 0 [2, 2]', 'none of 2', '-'],
    'old': ['0', '3 ± 0 [3, 3]', 'none of 2', '0.5 ± 0 [0.5, 0.5]'],
    'diverged': ['2', '-', '-', '-'],
  }
  assert {pair['score'] for pair in study.comparisons} == {'frechet_x', 'support_x'}


def test_text_states_the_kind_of_interval():
  text = tables.ABOUT_SCORES + tables.ABOUT_COMPARISONS
  assert 'bootstrap' not in text and "Student's t" in text
  assert 'sign-flip' in text and 'fewer than 6 seeds' in text
