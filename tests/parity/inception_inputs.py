"""Weights and pictures on which implementations of the network of the FID are compared."""

import math

import numpy as np
from matplotlib import cbook
from PIL import Image

from gan_jax.metrics.features import convert_inception

GAINS = {
  'weight': (0.5, 1.4),
  'bias': (-0.2, 0.2),
  'running_mean': (-0.2, 0.2),
  'running_var': (0.5, 1.5),
}
"""Bounds of what batch norm holds: under them features are of order one."""


def state(seed: int = 0) -> dict[str, np.ndarray]:
  """Random weights by PyTorch's names, float32, the same with every version of NumPy."""
  random = np.random.RandomState(seed)

  def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    bound = math.sqrt(6 / math.prod(shape[1:]))
    low, high = GAINS[name.split('.')[-1]] if len(shape) == 1 else (-bound, bound)
    return random.uniform(low, high, shape).astype(np.float32)

  return {name: draw(name, shape) for name, shape in sorted(convert_inception.source_shapes().items())}


def photograph() -> np.ndarray:
  """A portrait that comes with matplotlib, uint8 [600, 512, 3]."""
  with cbook.get_sample_data('grace_hopper.jpg') as file:
    return np.asarray(Image.open(file).convert('RGB'))


def parts(height: int, width: int, count: int = 1) -> np.ndarray:
  """Pieces of it, from its middle downwards to the right, uint8 [count, height, width, 3]."""
  image = photograph()
  room = (len(image) - height) // 2, (image.shape[1] - width) // 2
  corners = [[int(side * (1 - i / (2 * count))) for side in room] for i in range(count)]
  return np.stack([image[top : top + height, left : left + width] for top, left in corners])
