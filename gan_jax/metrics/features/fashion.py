"""A classifier of articles of clothing, trained on Fashion-MNIST; fashion.json is its card."""

from gan_jax.metrics.features import FeatureNetwork, classifier


def load() -> FeatureNetwork:
  """It, with 128 features and logits of the ten kinds of Fashion-MNIST.

  Raises:
    ConfigError: its weights are missing or broken.
  """
  return classifier.read('fashion')
