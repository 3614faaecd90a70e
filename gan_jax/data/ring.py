"""Gaussians on a circle, the most common test of mode collapse."""

import numpy as np

from gan_jax.common.validation import check_size
from gan_jax.data.pipeline import synthetic
from gan_jax.data.source import Source


def load(
  seed: int, batch_size: int, *, modes: int = 8, radius: float = 1.0, std: float = 0.01
) -> Source:
  """Returns a source of `modes` Gaussians, equally spaced on a circle and equally likely.

  Args:
    seed: the seed of the points.
    batch_size: the global batch size.
    modes: the number of Gaussians, at least 2.
    radius: the radius of the circle, positive.
    std: the standard deviation of each Gaussian in both coordinates, positive.

  Raises:
    ConfigError: a number is out of its range.

  Source: the settings of VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086, section 4.1).
  """
  check_size('modes', modes, least=2)
  synthetic.check_positive(radius=radius, std=std)
  angles = 2 * np.pi * np.arange(modes) / modes
  centers = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
  return synthetic.gaussian_mixture(centers, std, seed)
