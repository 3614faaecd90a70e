"""The network that `inception` is, with fixed random weights: for smoke tests, nothing to download."""

import math

import numpy as np

from gan_jax.metrics.features import FeatureNetwork, inception_v3


def drawn(seed: int) -> inception_v3.Params:
  """Untrained weights, the same bit for bit on every platform and with every version of NumPy.

  He et al. 2015 (arXiv:1502.01852), uniform: activations keep their size; biases are zero.
  """
  # RandomState is the only generator of NumPy whose numbers are promised never to change.
  random = np.random.RandomState(seed)

  def draw(shape: tuple[int, ...]) -> np.ndarray:
    bound = math.sqrt(6 / math.prod(shape[:-1])) if len(shape) > 1 else 0
    return random.uniform(-bound, bound, shape).astype(np.float32)

  return {name: draw(shape) for name, shape in inception_v3.shapes().items()}


def load() -> FeatureNetwork:
  """It, with 2,048 features and 1,008 logits that mean nothing."""
  return FeatureNetwork('random_inception', drawn(seed=0), inception_v3.RESIZER, inception_v3.apply)
