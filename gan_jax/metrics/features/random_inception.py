"""The `inception` network with fixed random weights, for smoke tests without a download."""

import math

import numpy as np

from gan_jax.metrics.features import FeatureNetwork, inception_v3


def drawn(seed: int) -> inception_v3.Params:
  """Returns untrained weights, bit-identical on every platform and with every version of NumPy.

  They are uniform, see He et al. 2015 (arXiv:1502.01852): activations keep their size. Biases are zero.
  """
  # RandomState is the only generator of NumPy whose numbers are guaranteed never to change.
  random = np.random.RandomState(seed)

  def draw(shape: tuple[int, ...]) -> np.ndarray:
    bound = math.sqrt(6 / math.prod(shape[:-1])) if len(shape) > 1 else 0
    return random.uniform(-bound, bound, shape).astype(np.float32)

  return {name: draw(shape) for name, shape in inception_v3.shapes().items()}


def load() -> FeatureNetwork:
  """Returns the random InceptionV3: 2,048 features, and 1,008 logits without a meaning."""
  return FeatureNetwork('random_inception', drawn(seed=0), inception_v3.RESIZER, inception_v3.apply)
