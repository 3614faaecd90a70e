"""Feature networks, one per file: load() -> FeatureNetwork.

Scores compare the features that these networks compute. A score is named after its network, for example
`frechet_digits`. Scores of different networks are different quantities. The same holds for one network
with other weights or another resizer.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from gan_jax.common import hashing

PyTree = Any

HELPERS = (
  'classifier',
  'convert_dinov2',
  'convert_inception',
  'dinov2_vit',
  'inception_v3',
  'torch_file',
  'weights_file',
)
"""Modules that a config cannot name, because they are not feature networks."""


class Outputs(NamedTuple):
  """The outputs of a feature network.

  Attributes:
    features: float32 [N, D].
    logits: float32 [N, K], one for each of its classes.
  """

  features: jax.Array
  logits: jax.Array


class FeatureNetwork(NamedTuple):
  """A network that maps examples to features for comparison.

  Attributes:
    name: the name that its scores carry.
    params: its weights.
    resizer: a description of how images are brought to its size and range.
    apply: (params, examples as they are stored, e.g. uint8 [N, height, width, 1 or 3]) -> Outputs,
      where row i depends on example i alone. It can be compiled, and runs inside a step on any device.
    modality: the kind of its examples, a name in `gan_jax.modalities.MODALITIES`.
  """

  name: str
  params: PyTree
  resizer: str
  apply: Callable[[PyTree, jax.Array], Outputs]
  modality: str = 'images'

  @property
  def digest(self) -> str:
    """The SHA-256 of the weights."""
    return hashing.of_tree(self.params)
