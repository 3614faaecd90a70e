"""The inception score: how sure a classifier is of each example, and how varied its answers are."""

from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation


class InceptionScore(NamedTuple):
  """An inception score.

  Attributes:
    mean: over splits, in [1, K].
    deviation: the standard deviation over splits (divided by their number, not by one less).
    splits: how many.
  """

  mean: float
  deviation: float
  splits: int


def _log_softmax(logits: np.ndarray) -> np.ndarray:
  below = logits - logits.max(axis=1, keepdims=True)
  return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _score(logs: np.ndarray) -> float:
  """exp(mean KL(p(y|x) || p(y))) of log p(y|x) [N, K]; equal rows give exactly 1."""
  # The logarithm of p(y) is finite also where p(y) is below all numbers.
  highest = logs.max(axis=0)
  marginal = highest + np.log(np.exp(logs - highest).mean(axis=0))
  divergences = (np.exp(logs) * (logs - marginal)).sum(axis=1)
  return float(np.exp(max(0.0, divergences.mean())))


def inception_score(
  logits: jax.typing.ArrayLike, *, splits: int = 10, seed: int = 0, shuffle: bool = True
) -> InceptionScore:
  """exp(E KL(p(y|x) || p(y))), averaged over splits of the examples; 1 if all have the same p(y|x).

  It is of generated examples alone. Fewer examples in a split give a lower score.
  The examples are shuffled as torch-fidelity shuffles them: the same seed gives the same number.

  Args:
    logits: [N, K], on the host in float64 whatever the dtype.
    splits: how many parts the score is computed on, of nearly equal size, from 1 to N.
    seed: of the shuffle, in [0, 2^32).
    shuffle: False splits the examples in their order, which matters if they are sorted.

  Raises:
    ValueError: fewer examples than splits, NaN or infinity, no splits.

  Source: Salimans et al. 2016 (arXiv:1606.03498), section 4; Barratt & Sharma 2018 (arXiv:1801.01973),
    section 2.
  """
  if splits < 1:
    raise ValueError(f'splits is {splits}; it must be at least 1')
  logits = _validation.checked('logits', logits)
  count = len(logits)
  if count < splits:
    raise ValueError(f'{count} logits for {splits} splits; score more examples, or in fewer splits')
  if shuffle:
    # The draws of default_rng may differ between versions of NumPy; these never do.
    logits = logits[np.random.RandomState(seed).permutation(count)]
  logs = _log_softmax(logits)
  bounds = [index * count // splits for index in range(splits + 1)]
  scores = [_score(logs[start:stop]) for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]
  return InceptionScore(float(np.mean(scores)), float(np.std(scores)), splits)
