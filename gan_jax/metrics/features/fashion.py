"""A classifier of articles of clothing, trained on Fashion-MNIST; fashion.json is its card."""

from gan_jax.metrics.features import FeatureNetwork, classifier


def load() -> FeatureNetwork:
  """Returns the fashion classifier: 128 features, and logits of the ten classes of Fashion-MNIST.

  Raises:
    ConfigError: its weights are missing or corrupt.
  """
  return classifier.read('fashion')
