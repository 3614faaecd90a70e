"""Stacked digits: three real handwritten digits as the colours of one picture, in 1,000 modes.

The classic test of mode collapse on pictures. Published scores are of stacks of all of MNIST; these are
of the 5,000 digits of `mnist5k`, so there are fewer of each kind to tell apart.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.metrics.features import digits as classifier


class Stacks:
  """The 1,000 modes, which the feature network `digits` tells apart."""

  def scores(self, samples: np.ndarray) -> dict[str, float]:
    """Modes captured by samples, uint8 [N, height, width, 3], see `stacked_mnist`."""
    return scores(classified(samples, _classify()))


@functools.cache
def _classify() -> Callable[[jax.Array], jax.Array]:
  network = classifier.load()
  return jax.jit(lambda images: network.apply(network.params, images).logits)


SAMPLES = 26_000
"""How many samples the papers score."""

MODES = 1_000


def scores(labels: jax.typing.ArrayLike) -> dict[str, float]:
  """Modes captured, and reverse KL over modes.

  Args:
    labels: whole numbers from 0 to 9, [N, 3], N >= 1; the papers take N = 26,000.

  Returns:
    'captured': modes with at least one sample, of 1,000. 'reverse_kl': KL(q || uniform) in nats for the
    shares q of the samples in each mode, from 0 to log 1,000 = 6.91. N samples of the true distribution
    have about 999 / (2 N), which is 0.019 of 26,000: shares of a finite sample are never equal.

  Raises:
    ValueError: of another shape, not whole, or out of range.

  Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.2; Lin et al. 2018 (arXiv:1712.04086),
    section 4.2.
  """
  labels = np.asarray(labels)
  if labels.ndim != 2 or labels.shape[1] != 3 or not len(labels):
    raise ValueError(f'labels have the shape {labels.shape}; it must be [N, 3], one for each channel')
  if labels.dtype.kind not in 'iu' or labels.min() < 0 or labels.max() > 9:
    raise ValueError(f'labels are {labels.dtype}; they must be whole numbers from 0 to 9')
  counts = np.bincount(labels.astype(int) @ (100, 10, 1), minlength=MODES)
  shares = counts[counts > 0] / len(labels)
  return {'captured': len(shares), 'reverse_kl': float((shares * np.log(shares * MODES)).sum())}


def classified(
  images: jax.typing.ArrayLike, classify: Callable[[jax.Array], jax.Array], *, batch: int = 500
) -> np.ndarray:
  """The digit in each channel.

  Args:
    images: uint8 [N, height, width, 3], N >= 1.
    classify: uint8 [B, height, width, 1] -> logits [B, 10], row i a function of picture i alone. It
      always gets the same B, three times `batch`, so that it is compiled once.
    batch: of images.

  Returns:
    int [N, 3], each the place of the largest logit.

  Raises:
    ValueError: not such images, or NaN among the logits.
  """
  images = np.asarray(images)
  if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not len(images):
    raise ValueError(
      f'images are {images.dtype} {list(images.shape)}; they must be uint8 [N, height, width, 3]'
    )
  parts = (images[first : first + batch] for first in range(0, len(images), batch))
  return np.concatenate([_classified(part, classify, batch) for part in parts])


def _classified(
  images: np.ndarray, classify: Callable[[jax.Array], jax.Array], batch: int
) -> np.ndarray:
  whole = np.pad(images, [(0, batch - len(images)), (0, 0), (0, 0), (0, 0)])
  singles = np.moveaxis(whole, -1, 1).reshape(3 * batch, *images.shape[1:3], 1)
  logits = np.asarray(classify(jnp.asarray(singles))).reshape(batch, 3, -1)[: len(images)]
  if np.isnan(logits).any():
    raise ValueError('there is NaN among the logits; look at the weights of the classifier')
  return logits.argmax(axis=-1)
