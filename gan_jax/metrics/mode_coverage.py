"""Mode coverage: how many modes of a known mixture samples reach, and how evenly."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import numerics


class Modes(NamedTuple):
  """The modes of a mixture, and the radius within which a sample counts as belonging to one.

  Attributes:
    centers: float32 [K, D], all different.
    std: standard deviation of a mode in every coordinate that varies.
    radius: largest distance of a high-quality sample from the nearest center, in standard deviations.
  """

  centers: np.ndarray
  std: float
  radius: float = 3.0

  def scores(self, samples: np.ndarray, labels: np.ndarray | None = None) -> dict[str, jax.Array]:
    """Returns the mode coverage of samples [N, D], see `mode_coverage.scores`.

    If samples are conditioned on labels [N], the modes, 'label_accuracy' is the fraction of
    samples that belong to the mode of their label with high quality.
    """
    found = scores(samples, *self)
    if labels is None:
      return found
    return {**found, 'label_accuracy': label_accuracy(samples, labels, *self)}


SAMPLES = 2500
"""Number of samples that the papers score."""


def scores(
  samples: jax.Array | np.ndarray,
  centers: jax.Array | np.ndarray,
  std: float,
  radius: float = 3.0,
) -> dict[str, jax.Array]:
  """Returns the number of captured modes, the fraction of high-quality samples, and reverse KL.

  A sample belongs to the mode with the nearest center. It has high quality if its distance from that
  center is below radius * std. In two dimensions a fraction 1 - exp(-4.5) = 98.9 % of a Gaussian lies
  within 3 standard deviations. Samples that are not finite have low quality and belong to no mode.

  Args:
    samples: float32 [N, D].
    centers: [K, D].
    std: standard deviation of a mode.
    radius: in standard deviations.

  Returns:
    Three scalars. The number of modes with at least one high-quality sample, of K, is 'captured'. The
    fraction 'high_quality' is in [0, 1]. The divergence 'reverse_kl' is KL(q || uniform) in nats, where
    q are the fractions of the finite samples that belong to each mode. It is in [0, log K], and log K
    without finite samples.

  Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.1; Lin et al. 2018 (arXiv:1712.04086),
    section 4.1.
  """
  chex.assert_rank([samples, centers], 2)
  chex.assert_equal_shape_suffix([samples, centers], 1)
  # One center at a time: [N, K, D] would be large in 1,200 dimensions.
  dists = jnp.stack([_distance(samples, center) for center in centers], axis=1)
  finite = jnp.isfinite(dists).all(axis=1)
  good = finite & (dists.min(axis=1) < radius * std)
  belongs = finite[:, None] & (dists.argmin(axis=1)[:, None] == jnp.arange(len(centers)))
  fractions = belongs.sum(axis=0) / jnp.maximum(finite.sum(), 1)
  logs = jnp.log(jnp.where(fractions > 0, fractions * len(centers), 1))
  most = jnp.log(len(centers))
  return {
    'captured': (belongs & good[:, None]).any(axis=0).sum(),
    'high_quality': good.mean(),
    # Rounding may make it negative.
    'reverse_kl': jnp.where(finite.any(), jnp.clip((fractions * logs).sum(), 0, most), most),
  }


@jax.jit
def _distance(samples: jax.Array | np.ndarray, center: jax.Array | np.ndarray) -> jax.Array:
  """Returns the distances [N] of samples [N, D] from a center [D], finite if the dtype allows it."""
  return numerics.length(samples - center, axis=1)


def label_accuracy(
  samples: jax.Array | np.ndarray,
  labels: jax.Array | np.ndarray,
  centers: jax.Array | np.ndarray,
  std: float,
  radius: float = 3.0,
) -> jax.Array:
  """Returns the fraction of samples that are of high quality and belong to the mode of their label.

  Args:
    samples: float32 [N, D].
    labels: int32 [N], the mode on which each sample is conditioned.
    centers: [K, D].
    std: standard deviation of a mode.
    radius: in standard deviations, see `scores`.

  Returns:
    A scalar in [0, 1].
  """
  chex.assert_rank([samples, centers], 2)
  chex.assert_shape(labels, samples.shape[:1])
  dists = jnp.stack([_distance(samples, center) for center in centers], axis=1)
  own = jnp.take_along_axis(dists, jnp.asarray(labels)[:, None], axis=1)[:, 0]
  # NaN is not below the radius, and is the least distance of its row.
  return ((own < radius * std) & (own == dists.min(axis=1))).mean()
