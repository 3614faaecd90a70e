"""DINOv2 ViT-L/14, the size that the literature uses; its weights must be downloaded once by hand."""

from gan_jax.metrics.features import FeatureNetwork, dinov2_vit


def load() -> FeatureNetwork:
  """Returns the network: 1,024 features, and no classes.

  Raises:
    ConfigError: the weights are missing, corrupt, or of another network.
  """
  return dinov2_vit.load('dinov2')
