"""Gaussians on a square grid, the second test of mode collapse."""

import numpy as np

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.synthetic import gaussians, source
from gan_jax.data.source import Source
from gan_jax.metrics.mode_coverage import Modes


def load(
  seed: int, batch_size: int, *, side: int = 5, spacing: float = 2.0, deviation: float = 0.05
) -> Source:
  """side x side Gaussians around the origin, equally likely; by default on {-4, -2, 0, 2, 4}^2.

  Args:
    seed: of the points.
    batch_size: global.
    side: modes in a row, from 2.
    spacing: between neighbours.
    deviation: of each Gaussian, in both coordinates.

  Raises:
    ConfigError: a number out of its range.

  Source: the settings of VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086, section 4.1).
  """
  if side < 2 or spacing <= 0 or deviation <= 0:
    raise ConfigError('side must be at least 2, spacing and deviation positive')
  line = spacing * (np.arange(side) - (side - 1) / 2)
  centers = np.stack(np.meshgrid(line, line, indexing='ij'), axis=-1).reshape(-1, 2)
  centers = centers.astype(np.float32)
  return source(gaussians(centers, deviation), seed, Modes(centers, deviation))
