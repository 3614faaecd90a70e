"""Ten 700-dimensional Gaussians in 1,200 dimensions, VEEGAN's test of mode collapse."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.pipeline.synthetic import source
from gan_jax.data.source import Source
from gan_jax.metrics.mode_coverage import Modes

_SIZE, _VARYING = 1200, 700
_LEVELS = (-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, 10.0, 0.25, -13.0, -5.5)


def load(seed: int, batch_size: int) -> Source:
  """Mode m has every coordinate at a level of its own; the first 700 vary with deviation 1.

  A sample of high quality is within 10 deviations of the nearest center. That is VEEGAN's number: the
  noise of a true sample is some sqrt(700) = 26 long, so it asks for samples nearer than real ones.

  Args:
    seed: of the points.
    batch_size: global.

  Source: Srivastava et al. 2017 (arXiv:1705.07761), section 4.1; the levels are those of PacGAN's
    code (arXiv:1712.04086), for the paper does not give them.
  """
  levels = np.array(_LEVELS, np.float32)
  centers = np.repeat(levels[:, None], _SIZE, axis=1)

  def draw(key: chex.PRNGKey) -> tuple[jax.Array, jax.Array]:
    mode_key, noise_key = jax.random.split(key)
    mode = jax.random.randint(mode_key, (), 0, len(levels))
    noise = jnp.pad(jax.random.normal(noise_key, (_VARYING,)), (0, _SIZE - _VARYING))
    return jnp.asarray(levels)[mode] + noise, mode

  return source(draw, seed, Modes(centers, 1.0, radius=10.0))
