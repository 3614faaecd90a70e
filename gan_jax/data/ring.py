"""Gaussians on a circle, the commonest test of mode collapse."""

import numpy as np

from gan_jax.common.errors import ConfigError
from gan_jax.data.pipeline.synthetic import gaussians, source
from gan_jax.data.source import Source
from gan_jax.metrics.mode_coverage import Modes


def load(
  seed: int, batch_size: int, *, modes: int = 8, radius: float = 1.0, deviation: float = 0.01
) -> Source:
  """`modes` different Gaussians, equally far apart on a circle, equally likely.

  Args:
    seed: of the points.
    batch_size: global.
    modes: how many, from 2.
    radius: of the circle.
    deviation: of each Gaussian, in both coordinates.

  Raises:
    ConfigError: a number out of its range.

  Source: the settings of VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086, section 4.1).
  """
  if modes < 2 or radius <= 0 or deviation <= 0:
    raise ConfigError('modes must be at least 2, radius and deviation positive')
  angles = 2 * np.pi * np.arange(modes) / modes
  centers = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
  return source(gaussians(centers, deviation), seed, Modes(centers, deviation))
