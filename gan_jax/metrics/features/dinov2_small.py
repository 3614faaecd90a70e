"""DINOv2 ViT-S/14; its weights must be downloaded once by hand."""

from gan_jax.metrics.features import FeatureNetwork, dinov2_vit


def load() -> FeatureNetwork:
  """Returns the network: 384 features, and no classes.

  Raises:
    ConfigError: the weights are missing, corrupt, or of another network.
  """
  return dinov2_vit.load('dinov2_small')
