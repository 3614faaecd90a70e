"""Scores: a table `SCORES` of functions from a `Comparison` to `Scored`."""

import numpy as np

from gan_jax.evaluation.scores import Comparison, Score, Scored


def mean_gap(pair: Comparison) -> Scored:
  """The distance between the mean features of samples and of real examples."""
  gap = np.linalg.norm(np.asarray(pair.real.moments.mean) - np.asarray(pair.fake.moments.mean))
  return Scored(pair.named(mean_gap=float(gap)))


SCORES = {'mean_gap': Score(mean_gap, {'mean_gap': False}, needs_samples=False)}
