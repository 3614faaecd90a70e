"""The classifier of `digits` and `fashion` with fixed random weights, for smoke tests."""

from gan_jax.metrics.features import FeatureNetwork, classifier


def load() -> FeatureNetwork:
  """Returns the random classifier: 128 features, and ten logits without a meaning."""
  return classifier.network('random', classifier.drawn(seed=0))
