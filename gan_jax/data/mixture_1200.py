"""Ten 700-dimensional Gaussians in 1,200 dimensions, VEEGAN's test of mode collapse."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.pipeline.synthetic import source
from gan_jax.data.source import Source
from gan_jax.metrics.mode_coverage import Modes

_SIZE = 1200
_VARYING = 700
_LEVELS = (-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, 10.0, 0.25, -13.0, -5.5)
_QUALITY_RADIUS = 10.0
"""In standard deviations from the nearest center."""


def load(seed: int, batch_size: int) -> Source:
  """Returns a source of ten modes; each has one level that is the mean of all its coordinates.

  The first 700 coordinates vary with standard deviation 1, and the others are constant. A sample of
  high quality is within 10 standard deviations of the nearest center. VEEGAN states this number. The
  noise of a real sample has a norm of about sqrt(700) = 26, so real samples are not of high quality.

  Args:
    seed: the seed of the points.
    batch_size: the global batch size.

  Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.1. The paper does not give the levels;
    they are those of PacGAN's code (arXiv:1712.04086).
  """
  levels = np.array(_LEVELS, np.float32)
  centers = np.repeat(levels[:, None], _SIZE, axis=1)

  def draw(key: chex.PRNGKey) -> tuple[jax.Array, jax.Array]:
    mode_key, noise_key = jax.random.split(key)
    mode = jax.random.randint(mode_key, (), 0, len(levels))
    noise = jnp.pad(jax.random.normal(noise_key, (_VARYING,)), (0, _SIZE - _VARYING))
    return jnp.asarray(levels)[mode] + noise, mode

  return source(draw, seed, Modes(centers, 1.0, _QUALITY_RADIUS), labels=len(levels))
