"""A classifier of handwritten digits, trained on MNIST; digits.json is its card."""

from gan_jax.metrics.features import FeatureNetwork, classifier


def load() -> FeatureNetwork:
  """Returns the digits classifier: 128 features, and logits of the digits 0 to 9.

  Raises:
    ConfigError: its weights are missing or corrupt.
  """
  return classifier.read('digits')
