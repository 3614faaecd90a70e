"""A feature network: a file with `load`. Its scores end in its name, as `frechet_polar` does."""

import jax.numpy as jnp

from gan_jax.metrics.features import FeatureNetwork, Outputs


def load() -> FeatureNetwork:
  """Returns features of points in the plane: both coordinates, the radius and the angle."""

  def apply(params, points):
    x, y = points[:, 0], points[:, 1]
    features = jnp.stack([x, y, jnp.hypot(x, y), jnp.arctan2(y, x)], axis=1)
    return Outputs(features, jnp.zeros((len(points), 0)))

  return FeatureNetwork('polar', {}, 'none', apply, modality='points')
