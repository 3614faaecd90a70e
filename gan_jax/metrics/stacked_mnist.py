"""Stacked MNIST: three real handwritten digits as the color channels of one image, in 1,000 modes.

It is the classic test of mode collapse on images. Published scores use stacks of all of MNIST. Here
stacks use the 5,000 digits of `mnist5k`, so each class has fewer variants.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.metrics import _validation
from gan_jax.metrics.features import digits as classifier


class Stacks:
  """The 1,000 modes of stacked MNIST, classified by the feature network `digits`."""

  def scores(self, samples: np.ndarray) -> dict[str, float]:
    """Returns the mode coverage of samples, uint8 [N, height, width, 3], see `stacked_mnist.scores`."""
    return scores(classified(samples, _classify()))


@functools.cache
def _classify() -> Callable[[jax.Array], jax.Array]:
  network = classifier.load()
  return jax.jit(lambda images: network.apply(network.params, images).logits)


SAMPLES = 26_000
"""Number of samples that the papers score."""

MODES = 1_000


def scores(labels: jax.typing.ArrayLike) -> dict[str, float]:
  """Returns the number of modes captured, and reverse KL over modes.

  Args:
    labels: whole numbers from 0 to 9, [N, 3], N >= 1; the papers take N = 26,000.

  Returns:
    'captured': modes with at least one sample, of 1,000. 'reverse_kl': KL(q || uniform) in nats, where
    q are the fractions of the samples in each mode, from 0 to log 1,000 = 6.91. N samples of the true
    distribution have about 999 / (2 N), or 0.019 for 26,000: fractions of a finite sample are never
    equal.

  Raises:
    ValueError: another shape, not whole, or out of range.

  Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.2; Lin et al. 2018 (arXiv:1712.04086),
    section 4.2.
  """
  labels = np.asarray(labels)
  if labels.ndim != 2 or labels.shape[1] != 3 or not len(labels):
    raise ValueError(
      f'labels: wrong shape {list(labels.shape)} ([N, 3], one for each channel); reshape the array'
    )
  if labels.dtype.kind not in 'iu' or labels.min() < 0 or labels.max() > 9:
    raise ValueError(
      f'labels: {labels.dtype} values are out of range (whole numbers from 0 to 9); change them'
    )
  counts = np.bincount(labels.astype(int) @ (100, 10, 1), minlength=MODES)
  fractions = counts[counts > 0] / len(labels)
  reverse_kl = float((fractions * np.log(fractions * MODES)).sum())
  return {'captured': len(fractions), 'reverse_kl': reverse_kl}


def classified(
  images: jax.typing.ArrayLike, classify: Callable[[jax.Array], jax.Array], *, batch: int = 500
) -> np.ndarray:
  """Returns the digit in each channel.

  Args:
    images: uint8 [N, height, width, 3], N >= 1.
    classify: uint8 [B, height, width, 1] -> logits [B, 10], where row i depends on image i alone. B is
      always three times `batch`, so that it is compiled once.
    batch: images per call.

  Returns:
    int [N, 3], the index of the largest logit of each channel.

  Raises:
    ValueError: other images, or NaN among the logits.
  """
  images = np.asarray(images)
  _validation.check_images('images', images, channels=3)
  chunks = (images[first : first + batch] for first in range(0, len(images), batch))
  return np.concatenate([_classified(chunk, classify, batch) for chunk in chunks])


def _classified(
  images: np.ndarray, classify: Callable[[jax.Array], jax.Array], batch: int
) -> np.ndarray:
  padded = np.pad(images, [(0, batch - len(images)), (0, 0), (0, 0), (0, 0)])
  singles = np.moveaxis(padded, -1, 1).reshape(3 * batch, *images.shape[1:3], 1)
  logits = np.asarray(classify(jnp.asarray(singles))).reshape(batch, 3, -1)[: len(images)]
  if np.isnan(logits).any():
    raise ValueError('the logits contain NaN; check the weights of the classifier')
  return logits.argmax(axis=-1)
