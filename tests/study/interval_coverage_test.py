"""How often intervals of a study cover the truth, by simulation, and that they agree with the test."""

import itertools
import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gan_jax.study import statistics

STUDIES = 2_000
FOUR_DEVIATIONS = 4 * math.sqrt(0.95 * 0.05 / STUDIES)
"""Four standard deviations of the measured coverage, 2 %."""

checked = hypothesis.settings(
  derandomize=True, deadline=None, max_examples=60, database=None, print_blob=False
)
WHOLE = st.integers(-6, 6).map(float)
REAL = st.floats(-1e3, 1e3, allow_subnormal=False)


def coverage(draw, seeds, truth, interval):
  draws = draw(np.random.default_rng(seeds), (STUDIES, seeds))
  return np.mean([low <= truth + 1e-12 and truth - 1e-12 <= high for low, high in map(interval, draws)])


def of_differences(diffs):
  return statistics.paired(list(diffs), [0.0] * len(diffs))[1:3]


@pytest.mark.parametrize('seeds', [2, 3, 5, 8, 10, 20])
def test_interval_of_a_normal_mean_covers_in_95_percent(seeds):
  found = coverage(lambda rng, shape: 7 + 3 * rng.standard_normal(shape), seeds, 7, statistics.interval)
  assert found == pytest.approx(0.95, abs=FOUR_DEVIATIONS)


@pytest.mark.parametrize(
  ('draw', 'truth', 'least'),
  [
    # Long simulations find 88 to 90 %, 88 to 92 % and 94 to 96 %.
    (lambda rng, shape: rng.exponential(size=shape), 1.0, 0.86),
    (lambda rng, shape: rng.beta(8, 1, shape), 8 / 9, 0.86),
    (lambda rng, shape: rng.binomial(8, 0.7, shape).astype(float), 5.6, 0.92),
  ],
  ids=['exponential', 'bounded', 'whole'],
)
@pytest.mark.parametrize('seeds', [3, 5, 10])
def test_interval_of_a_nonnormal_mean_covers_in_nearly_95_percent(draw, truth, least, seeds):
  assert least <= coverage(draw, seeds, truth, statistics.interval) <= 0.97


@pytest.mark.parametrize(
  'draw',
  [
    lambda rng, shape: rng.standard_normal(shape),
    lambda rng, shape: rng.standard_t(2, shape),
    lambda rng, shape: rng.exponential(size=shape) - rng.exponential(size=shape),
  ],
  ids=['normal', 'heavy tails', 'of skewed scores'],
)
@pytest.mark.parametrize('seeds', [6, 8, 10])
def test_interval_of_symmetric_differences_has_exact_coverage(draw, seeds):
  # The test rejects a whole number of 2^(n - 1) equally likely ways: 1 of 32, 6 of 128, 25 of 512.
  ways = 2 ** (seeds - 1)
  exact = 1 - math.floor(0.05 * ways) / ways
  assert coverage(draw, seeds, 0, of_differences) == pytest.approx(exact, abs=FOUR_DEVIATIONS)


def test_interval_of_many_differences_covers_with_random_flips(monkeypatch):
  monkeypatch.setattr(statistics, 'RESAMPLES', 400)
  draw = lambda rng, shape: rng.standard_normal(shape)
  assert coverage(draw, 24, 0, of_differences) == pytest.approx(0.95, abs=FOUR_DEVIATIONS)


@checked
@hypothesis.given(
  st.one_of(st.lists(WHOLE, min_size=2, max_size=17), st.lists(REAL, min_size=2, max_size=9))
)
def test_interval_of_differences_excludes_0_iff_p_is_below_5_percent(diffs):
  found = statistics.paired(diffs, [0.0] * len(diffs))
  assert (found.low <= 0 <= found.high) == (found.p > 0.05)
  assert found.low <= found.difference + 1e-9 and found.difference - 1e-9 <= found.high


@checked
@hypothesis.given(st.lists(WHOLE, min_size=2, max_size=9))
def test_interval_of_differences_contains_shifts_accepted_by_all_sign_flips(diffs):
  diffs = np.array(diffs)
  signs = np.array(list(itertools.product((-1, 1), repeat=len(diffs))))

  def accepted(value):
    sums = signs @ (diffs - value)
    return np.mean(abs(sums) >= abs((diffs - value).sum()) - 1e-9) > 0.05

  found = statistics.paired(list(diffs), [0.0] * len(diffs))
  if not diffs.any():
    assert (found.low, found.high) == (0, 0)
  elif len(diffs) < 6:
    assert (found.low, found.high) == (-np.inf, np.inf)
  else:
    assert accepted(found.low) and accepted(found.high)
    assert not accepted(found.low - 1e-6) and not accepted(found.high + 1e-6)


@checked
@hypothesis.given(
  st.lists(st.integers(-(10**6), 10**6).map(float), min_size=2, max_size=12),
  st.sampled_from([-900, -300, 300, 900]),
)
def test_interval_scales_with_the_scores(values, power):
  diffs = np.ldexp(values, power)
  wanted = np.ldexp(statistics.interval(np.array(values)), power)
  np.testing.assert_allclose(statistics.interval(diffs), wanted, rtol=1e-12)
  one, other = of_differences(np.array(values)), of_differences(diffs)
  np.testing.assert_allclose(other, np.ldexp(one, power), rtol=1e-12)


def test_interval_of_tiny_scores_matches_hand_computation():
  # Mean 0.5e-172, standard error 0.5e-172, t with 1 degree of freedom 12.7062.
  low, high = statistics.interval(np.array([0, 1e-172]))
  assert (low * 1e172, high * 1e172) == pytest.approx((0.5 - 6.3531, 0.5 + 6.3531))


def test_interval_of_equal_scores_has_width_zero():
  assert statistics.interval(np.full(3, 0.1)) == (0.1, 0.1)
  assert statistics.summary([0.1] * 3)[:4] == (0.1, 0.0, 0.1, 0.1)
  found = statistics.paired([0.3] * 6, [0.1] * 6)
  assert found.low == found.high == 0.3 - 0.1 and found.p == 2 / 2**6


def test_single_score_has_no_interval():
  found = statistics.summary([4.0])
  assert found.mean == 4 and all(map(math.isnan, found[1:4]))
  pair = statistics.paired([4.0], [1.0])
  assert pair.difference == 3 and all(map(math.isnan, (*pair[1:4], pair.error)))


def test_difference_of_three_seeds_has_an_error_and_no_interval():
  found = statistics.paired([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
  assert (found.difference, found.error) == (2.0, pytest.approx(1 / math.sqrt(3)))
  assert (found.low, found.high, found.p) == (-math.inf, math.inf, 0.25)
