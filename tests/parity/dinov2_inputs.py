"""Weights on which implementations of DINOv2 are compared."""

import numpy as np

from gan_jax.metrics.features import convert_dinov2


def state(width: int, depth: int, seed: int = 0) -> dict[str, np.ndarray]:
  """Random weights by PyTorch's names, float32, the same with every version of NumPy."""
  random = np.random.RandomState(seed)

  def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith(('norm1.weight', 'norm2.weight', 'norm.weight', 'gamma')):
      return random.uniform(0.5, 1.5, shape).astype(np.float32)
    fan_in = np.prod(shape[1:]) if name.endswith('weight') else 9
    return (random.randn(*shape) / np.sqrt(fan_in)).astype(np.float32)

  shapes = convert_dinov2.source_shapes(width, depth)
  return {name: draw(name, shape) for name, shape in sorted(shapes.items())}
