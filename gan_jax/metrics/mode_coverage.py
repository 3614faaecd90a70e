"""Points drawn afresh for every batch: what the sources of 2-D and other mixtures share."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import numerics


class Modes(NamedTuple):
  """The modes of a mixture, and when a sample counts as one of theirs.

  Attributes:
    centers: float32 [K, D], all different.
    deviation: the standard deviation of a mode in every coordinate that varies.
    reach: how many deviations from the nearest center a sample of high quality may be.
  """

  centers: np.ndarray
  deviation: float
  reach: float = 3.0

  def scores(self, samples: np.ndarray) -> dict[str, jax.Array]:
    """How samples [N, D] lie on the modes, see `mode_coverage`."""
    return scores(samples, *self)


SAMPLES = 2500
"""How many samples the papers score."""


def scores(
  samples: jax.Array | np.ndarray,
  centers: jax.Array | np.ndarray,
  deviation: float,
  reach: float = 3.0,
) -> dict[str, jax.Array]:
  """Modes captured, share of samples of high quality, and reverse KL over modes.

  A sample belongs to the mode whose center is nearest, and is of high quality if it is nearer than
  reach * deviation to it. Of a true two-dimensional Gaussian a share of 1 - exp(-4.5) = 98.9 % is.
  Samples that are not finite are of low quality and belong to no mode.

  Args:
    samples: float32 [N, D].
    centers: [K, D].
    deviation: standard deviation of a mode.
    reach: in deviations.

  Returns:
    Scalars: 'captured', modes with at least one sample of high quality, of K; 'high_quality', in
    [0, 1]; 'reverse_kl', KL(q || uniform) in nats for the shares q of the finite samples that belong
    to each mode, in [0, log K], and log K if there are none.

  Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.1; Lin et al. 2018 (arXiv:1712.04086),
    section 4.1.
  """
  chex.assert_rank([samples, centers], 2)
  chex.assert_equal_shape_suffix([samples, centers], 1)
  # One center at a time: [N, K, D] would be large in 1,200 dimensions.
  apart = jnp.stack([_distance(samples, center) for center in centers], axis=1)
  finite = jnp.isfinite(apart).all(axis=1)
  good = finite & (apart.min(axis=1) < reach * deviation)
  belongs = finite[:, None] & (apart.argmin(axis=1)[:, None] == jnp.arange(len(centers)))
  shares = belongs.sum(axis=0) / jnp.maximum(finite.sum(), 1)
  logs = jnp.log(jnp.where(shares > 0, shares * len(centers), 1))
  most = jnp.log(len(centers))
  return {
    'captured': (belongs & good[:, None]).any(axis=0).sum(),
    'high_quality': good.mean(),
    # Rounding may take it below 0.
    'reverse_kl': jnp.where(finite.any(), jnp.clip((shares * logs).sum(), 0, most), most),
  }


@jax.jit
def _distance(samples: jax.Array | np.ndarray, center: jax.Array | np.ndarray) -> jax.Array:
  """[N], of samples [N, D] from a center [D], finite wherever it is a number of the type."""
  return numerics.length(samples - center, axis=1)
