"""Points drawn afresh for every batch: what the sources of 2-D and other mixtures share."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import rng
from gan_jax.data.source import Source
from gan_jax.metrics.mode_coverage import Modes

Draw = Callable[[chex.PRNGKey], tuple[jax.Array, jax.Array]]
"""One key -> a point [D] float32 and its label, int32."""


def source(draw: Draw, seed: int, modes: Modes | None = None) -> Source:
  """A source that never repeats: row i of batch number n is a function of the seed, n and i.

  Args:
    draw: makes one example.
    seed: of the examples.
    modes: those of a mixture.
  """
  key = jax.random.key_data(rng.key_for(seed, 'points'))

  def batch(arrays, number, rows):
    of_batch = jax.random.fold_in(jax.random.wrap_key_data(arrays['key']), number)
    real, label = jax.vmap(draw)(rng.example_keys(of_batch, rows))
    return {'real': real, 'label': label}

  return Source({'key': np.asarray(key)}, batch, modes)


def gaussians(centers: np.ndarray, deviation: float) -> Draw:
  """Of a balanced mixture of isotropic Gaussians around `centers` [K, D]; the label is the mode."""
  means = np.asarray(centers, np.float32)

  def draw(key: chex.PRNGKey) -> tuple[jax.Array, jax.Array]:
    mode_key, noise_key = jax.random.split(key)
    mode = jax.random.randint(mode_key, (), 0, len(means))
    noise = jax.random.normal(noise_key, means.shape[1:])
    return jnp.asarray(means)[mode] + deviation * noise, mode

  return draw
