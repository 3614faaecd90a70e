"""The inception score: the confidence and the variety of a classifier's answers."""

from typing import NamedTuple

import jax
import numpy as np

from gan_jax.metrics import _validation


class InceptionScore(NamedTuple):
  """An inception score.

  Attributes:
    mean: mean over splits, in [1, K].
    std: standard deviation over splits (divided by their number, not by one less).
    splits: number of splits.
  """

  mean: float
  std: float
  splits: int


def _log_softmax(logits: np.ndarray) -> np.ndarray:
  below = logits - logits.max(axis=1, keepdims=True)
  return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _score(logs: np.ndarray) -> float:
  """Returns exp(mean KL(p(y|x) || p(y))) of log p(y|x) [N, K]; equal rows give exactly 1."""
  # The logarithm of p(y) stays finite where p(y) itself would underflow.
  highest = logs.max(axis=0)
  marginal = highest + np.log(np.exp(logs - highest).mean(axis=0))
  divergences = (np.exp(logs) * (logs - marginal)).sum(axis=1)
  return float(np.exp(max(0.0, divergences.mean())))


def inception_score(
  logits: jax.typing.ArrayLike, *, splits: int = 10, seed: int = 0, shuffle: bool = True
) -> InceptionScore:
  """Returns exp(E KL(p(y|x) || p(y))), averaged over splits of the examples.

  It is 1 if all examples have the same p(y|x). It uses generated examples only. Fewer examples in a
  split give a lower score. The examples are shuffled in the same way as in torch-fidelity: the same
  seed gives the same number.

  Args:
    logits: [N, K], on the host in float64 whatever the dtype.
    splits: number of splits of nearly equal size, from 1 to N.
    seed: seed of the shuffle, in [0, 2^32).
    shuffle: False splits the examples in their order, which matters if they are sorted.

  Raises:
    ValueError: fewer examples than splits, NaN or infinity, or splits below 1.

  Source: Salimans et al. 2016 (arXiv:1606.03498), section 4; Barratt & Sharma 2018 (arXiv:1801.01973),
    section 2.
  """
  if splits < 1:
    raise ValueError(f'splits={splits}: too few (at least 1)')
  logits = _validation.checked('logits', logits)
  count = len(logits)
  if count < splits:
    raise ValueError(
      f'splits={splits}: too many (at most {count}, the number of logits); score more examples, '
      'or use fewer splits'
    )
  if shuffle:
    # default_rng may give other numbers in another version of NumPy; RandomState never does.
    logits = logits[np.random.RandomState(seed).permutation(count)]
  logs = _log_softmax(logits)
  bounds = [index * count // splits for index in range(splits + 1)]
  scores = [_score(logs[start:stop]) for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]
  return InceptionScore(float(np.mean(scores)), float(np.std(scores)), splits)
