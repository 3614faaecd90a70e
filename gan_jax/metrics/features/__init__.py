"""Feature networks, one a file: load() -> FeatureNetwork. What scores compare is what these see.

A score is called after the network that it uses, `frechet_digits`: scores of different networks, or of
one network with other weights or another resizer, are different quantities.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from gan_jax.common import hashing

PyTree = Any

HELPERS = ('classifier', 'convert_inception', 'inception_v3')
"""Modules that a config cannot name, because they are not feature networks."""


class Outputs(NamedTuple):
  """What a feature network makes of images.

  Attributes:
    features: float32 [N, D].
    logits: float32 [N, K], of its classes.
  """

  features: jax.Array
  logits: jax.Array


class FeatureNetwork(NamedTuple):
  """A network whose features images are compared by.

  Attributes:
    name: what its scores are called after.
    params: its weights.
    resizer: how images come to its size and range, in words.
    apply: (params, uint8 [N, height, width, 1 or 3]) -> Outputs, row i a function of image i alone. It
      can be compiled, and runs inside a step of any device.
    of_points: whether `apply` takes points, float32 [N, D], instead of images.
  """

  name: str
  params: PyTree
  resizer: str
  apply: Callable[[PyTree, jax.Array], Outputs]
  of_points: bool = False

  @property
  def digest(self) -> str:
    """SHA-256 of the weights."""
    return hashing.of_tree(self.params)
