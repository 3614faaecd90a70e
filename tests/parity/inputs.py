"""Features and logits to compare scores on: made up, but skewed and correlated as a network's are.

Real and fake are well apart: of a kernel distance near 0 torch-fidelity keeps few digits in float32.
"""

import numpy as np


def features(random: np.random.RandomState, count: int, mixing: np.ndarray, shift: float) -> np.ndarray:
  """max(0, correlated Gaussians + shift), float32 [count, D] of mixing [D, D]."""
  return np.maximum(random.randn(count, len(mixing)) @ mixing + shift, 0).astype(np.float32)


def make(seed: int, real: int, fake: int, dimensions: int, classes: int = 10) -> tuple[np.ndarray, ...]:
  """Real [real, D] and fake [fake, D] features, and logits [real, classes], all float32."""
  random = np.random.RandomState(seed)
  # Directions differ in variance by a factor of D.
  mixing = random.randn(dimensions, dimensions) / np.arange(1, dimensions + 1)[:, None] ** 0.5
  logits = (3 * random.randn(real, classes)).astype(np.float32)
  return features(random, real, mixing, 0.3), features(random, fake, mixing, 0.6), logits
