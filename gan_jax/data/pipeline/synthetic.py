"""Points that are sampled for every batch, e.g. from a mixture of Gaussians at given centers."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.data.source import HELD_OUT, Source
from gan_jax.metrics.mode_coverage import Modes

Draw = Callable[[chex.PRNGKey], tuple[jax.Array, jax.Array]]
"""One key -> a point [D] float32 and its label, int32."""


def source(draw: Draw, seed: int, modes: Modes | None = None, labels: int = 0) -> Source:
  """Returns a source that never repeats: row i of batch n is a function of the seed, n, and i.

  Its held-out examples are of another stream of random keys, on which no run trains.

  Args:
    draw: draws one example.
    seed: the seed of the examples.
    modes: the scorer of the modes, for a mixture.
    labels: the number of labels; 0 if the label of an example has no meaning.
  """
  training = _stream(draw, rng.key_for(seed, 'points'), modes, labels)
  held_out = _stream(draw, rng.key_for(seed, HELD_OUT), modes, labels)._replace(split=HELD_OUT)
  return training._replace(held_out=lambda: held_out)


def _stream(draw: Draw, key: chex.PRNGKey, modes: Modes | None, labels: int) -> Source:
  def batch(arrays, batch_index, rows):
    batch_key = jax.random.fold_in(jax.random.wrap_key_data(arrays['key']), batch_index)
    real, label = jax.vmap(draw)(rng.example_keys(batch_key, rows))
    return {'real': real, 'label': label}

  arrays = {'key': np.asarray(jax.random.key_data(key))}
  return Source(arrays, batch, modes, drawn_labels=labels)


def gaussian_mixture(centers: np.ndarray, std: float, seed: int) -> Source:
  """Returns a source of equally likely isotropic Gaussians; the label of a point is its mode.

  Args:
    centers: the means of the Gaussians, float32 [K, D].
    std: the standard deviation of each Gaussian in every coordinate.
    seed: the seed of the points.
  """
  return source(gaussians(centers, std), seed, Modes(centers, std), labels=len(centers))


def gaussians(centers: np.ndarray, std: float) -> Draw:
  """Returns a function that draws a point of a balanced mixture of isotropic Gaussians, and its mode.

  Args:
    centers: the means of the Gaussians, [K, D].
    std: the standard deviation of each Gaussian in every coordinate.
  """
  means = np.asarray(centers, np.float32)

  def draw(key: chex.PRNGKey) -> tuple[jax.Array, jax.Array]:
    mode_key, noise_key = jax.random.split(key)
    mode = jax.random.randint(mode_key, (), 0, len(means))
    noise = jax.random.normal(noise_key, means.shape[1:])
    return jnp.asarray(means)[mode] + std * noise, mode

  return draw


def check_positive(**settings: float) -> None:
  """Raises ConfigError, naming the key, unless all settings are positive."""
  for name, value in settings.items():
    if value <= 0:
      raise ConfigError(f'{name}={value!r}: out of range (a positive number); change {name}')
