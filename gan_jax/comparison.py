"""Scores of several seeds: what they are on average, how sure that is, and which setting is better.

Seeds are paired: run s of every setting has the weights' seed, the latents and the batches of seed s.
"""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from gan_jax import evaluation

CONFIDENCE = 0.95
RESAMPLES = 9_999
"""Of the bootstrap, and of sign flips where there are more than so many; drawn with seed 0."""

Outcome = Mapping[str, Sequence[float | None]]
"""{score: the value of each seed}."""

_OWN = ('seed', 'step', 'weights', 'version', 'compared')
"""Of a card, what may differ where scores are compared: averaged weights with raw ones are a question
that a study may ask, and how many are 'compared' follows from the rest."""


class Summary(NamedTuple):
  """A score over seeds.

  Attributes:
    mean: of the runs that have it; NaN if none has.
    error: the standard error of the mean, s / sqrt(n); NaN of fewer than two.
    low, high: the bootstrap interval of the mean, BCa; NaN of fewer than two.
    least, greatest: of a run.
    count: of the runs that have it.
    missing: of those that have not, as one that diverged may.
  """

  mean: float
  error: float
  low: float
  high: float
  least: float
  greatest: float
  count: int
  missing: int


class Paired(NamedTuple):
  """A score of one setting less that of another, over the seeds that have both.

  Attributes:
    difference: its mean.
    low, high: the bootstrap interval of that mean, BCa; NaN of fewer than two seeds.
    p: of the sign-flip test that the differences are symmetric around 0, two-sided; NaN likewise.
    count: of the seeds.
  """

  difference: float
  low: float
  high: float
  p: float
  count: int


def summary(values: Sequence[float | None]) -> Summary:
  """Of the score of each seed, None where a run has none."""
  found = np.array([v for v in values if _is_score(v)])
  count, missing = len(found), len(values) - len(found)
  if not count:
    return Summary(*[math.nan] * 6, 0, missing)
  error = found.std(ddof=1) / math.sqrt(count) if count > 1 else math.nan
  ends = float(found.min()), float(found.max())
  return Summary(float(found.mean()), float(error), *interval(found), *ends, count, missing)


def interval(values: np.ndarray) -> tuple[float, float]:
  """The BCa bootstrap interval of the mean of values [N], at 95 %.

  Source: Efron 1987, "Better bootstrap confidence intervals", as SciPy has it.
  """
  if len(values) < 2:
    return math.nan, math.nan
  if np.ptp(values) == 0:
    return float(values[0]), float(values[0])
  found = stats.bootstrap(
    (values,), np.mean, confidence_level=CONFIDENCE, n_resamples=RESAMPLES, rng=np.random.default_rng(0)
  )
  return float(found.confidence_interval.low), float(found.confidence_interval.high)


def paired(a: Sequence[float | None], b: Sequence[float | None]) -> Paired:
  """Compares the scores of two settings, seed by seed.

  The test flips the sign of each seed's difference, all 2^n ways where they are no more than RESAMPLES
  (Fisher 1935, "The design of experiments", section 21); n seeds can show no p below 2^(1 - n).
  """
  both = [(x, y) for x, y in zip(a, b, strict=True) if _is_score(x) and _is_score(y)]
  apart = np.array([x - y for x, y in both])
  if len(apart) < 2:
    mean = float(apart.mean()) if len(apart) else math.nan
    return Paired(mean, math.nan, math.nan, math.nan, len(apart))
  flipped = stats.permutation_test(
    (apart,), np.mean, permutation_type='samples', n_resamples=RESAMPLES, rng=np.random.default_rng(0)
  )
  return Paired(float(apart.mean()), *interval(apart), float(flipped.pvalue), len(apart))


def _is_score(value: float | None) -> bool:
  return value is not None and math.isfinite(value)


def holm(p: Sequence[float]) -> list[float]:
  """p of several tests, corrected for how many they are; NaN stays, and counts as no test.

  Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
  """
  order = [i for i in np.argsort(p) if not math.isnan(p[i])]
  made, least = list(map(float, p)), 0.0
  for rank, i in enumerate(order):
    least = max(least, min(1.0, (len(order) - rank) * p[i]))
    made[i] = least
  return made


def protocol(cards: Iterable[Mapping[str, Any]]) -> str:
  """By what a setting was scored, data and features, from the cards of its runs.

  The longest is of a run that has all scores: one whose samples are not finite lacks some, or all.
  """
  card = max(cards, key=len, default={})
  card = evaluation.without_place(card)
  return json.dumps({key: value for key, value in card.items() if key not in _OWN}, sort_keys=True)


def all_pairs(
  outcomes: Mapping[str, Outcome], protocols: Mapping[str, str]
) -> list[dict[str, str | float]]:
  """Settings of one protocol, each with each, by every score that both have.

  Args:
    outcomes: {setting: its scores}.
    protocols: {setting: by what it was scored}.

  Returns:
    `Paired` as a mapping, with 'score', 'setting', 'less' (the other) and 'p_holm', p corrected for the
    number of pairs that are compared by the score.
  """
  found = []
  for score in dict.fromkeys(name for outcome in outcomes.values() for name in outcome):
    having = [label for label, outcome in outcomes.items() if score in outcome]
    pairs = [(a, b) for a, b in itertools.combinations(having, 2) if protocols[a] == protocols[b]]
    tests = [paired(outcomes[a][score], outcomes[b][score]) for a, b in pairs]
    corrected = holm([test.p for test in tests])
    for (a, b), test, p in zip(pairs, tests, corrected, strict=True):
      found.append({'score': score, 'setting': a, 'less': b, **test._asdict(), 'p_holm': p})
  return found
