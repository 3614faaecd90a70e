"""Gaussians on a square grid, a test of mode collapse with more modes than `ring`."""

import numpy as np

from gan_jax.common.validation import check_size
from gan_jax.data.pipeline import synthetic
from gan_jax.data.source import Source


def load(
  seed: int, batch_size: int, *, side: int = 5, spacing: float = 2.0, std: float = 0.05
) -> Source:
  """Returns a source of side x side equally likely Gaussians around the origin.

  By default their centers are {-4, -2, 0, 2, 4}^2.

  Args:
    seed: the seed of the points.
    batch_size: the global batch size.
    side: the number of Gaussians in a row, at least 2.
    spacing: the distance between neighbors, positive.
    std: the standard deviation of each Gaussian in both coordinates, positive.

  Raises:
    ConfigError: a number is out of its range.

  Source: the settings of VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086, section 4.1).
  """
  check_size('side', side, least=2)
  synthetic.check_positive(spacing=spacing, std=std)
  line = spacing * (np.arange(side) - (side - 1) / 2)
  centers = np.stack(np.meshgrid(line, line, indexing='ij'), axis=-1).reshape(-1, 2)
  return synthetic.gaussian_mixture(centers.astype(np.float32), std, seed)
