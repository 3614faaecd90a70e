"""The classifier that `digits` and `fashion` are, with fixed random weights: for smoke tests."""

from gan_jax.metrics.features import FeatureNetwork, classifier


def load() -> FeatureNetwork:
  """It, with 128 features and ten logits that mean nothing."""
  return classifier.network('random', classifier.drawn(seed=0))
