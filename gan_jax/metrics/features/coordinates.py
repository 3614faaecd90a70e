"""Points as they are: scores of data that has few coordinates need no network."""

import jax.numpy as jnp

from gan_jax.metrics.features import FeatureNetwork, Outputs


def load() -> FeatureNetwork:
  """The network that changes nothing: points, float32 [N, D] -> features [N, D], and no classes."""
  keep = lambda params, points: Outputs(points, jnp.zeros((len(points), 0)))
  return FeatureNetwork('coordinates', {}, 'none', keep, of_points=True)
