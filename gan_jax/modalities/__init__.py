"""The kinds of examples: how each is stored, converted, written, drawn, and summarized.

A modality is one module with a constant `MODALITY`, and its drawing functions are in that module too:
they need only arrays, and functions of a game. Audio or text thus take one more file, and a line in
`MODALITIES`. Other packages ask `of_shape`, and never test the rank of examples.

Metrics that are the same for all kinds of arrays need no modality. The distances that the detection of
failures reads, see `gans.parts.diagnostics`, compare examples of any shape as vectors. A modality adds
the metrics of the samples in its pictures.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from gan_jax.common import lookup, plots
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Variables, sample_shape
from gan_jax.modalities import images, points
from gan_jax.modalities.base import (
  Drawing,
  DrawWeights,
  FileFormat,
  Inspection,
  Make,
  Modality,
  Neighbors,
  Space,
  Storage,
  Usage,
)

_OURS = {modality.name: modality for modality in (images.MODALITY, points.MODALITY)}

MODALITIES: Mapping[str, Modality] = lookup.Table(__name__, _OURS)
"""The modalities by name; the user's are last, see `gan_jax.extend`."""

IMAGES = images.MODALITY
"""For what only images have: channels to be matched, patches, and similarity of structure."""


def find(shape: Sequence[int]) -> Modality | None:
  """Returns the modality of an array of examples of this shape, [N, ...]; None for an unknown one.

  The number of axes decides.

  Raises:
    ConfigError: two modalities have this number of axes.
  """
  known = [modality for modality in MODALITIES.values() if 1 + len(modality.axes) == len(shape)]
  if len(known) > 1:
    names = ' and '.join(modality.name for modality in known)
    raise ConfigError(
      f'modalities: {names} have the same number of axes, {len(shape)} (one modality each); change the '
      'axes of yours'
    )
  return known[0] if known else None


def of_shape(shape: Sequence[int]) -> Modality:
  """Returns the modality of an array of examples of this shape, [N, ...].

  Raises:
    ConfigError: no modality has such examples.
  """
  modality = find(shape)
  if modality is None:
    known = ', '.join(f'{known.name} {known.form}' for known in MODALITIES.values())
    raise ConfigError(
      f'examples of shape {tuple(shape[1:])} are of an unknown kind ({known}); reshape them, or add a '
      'modality with gan_jax.extend'
    )
  return modality


def of_game(game: Game, variables: Variables, condition: PyTree | None = None) -> Modality:
  """Returns the modality of the samples of a game, see `game.sample_shape`; nothing is computed.

  Raises:
    ConfigError: no modality has such samples.
  """
  return of_shape(sample_shape(game, variables, condition))


def compared(samples: np.ndarray, condition: PyTree, targets: np.ndarray | None = None) -> np.ndarray:
  """Draws samples beside what they were generated from, and returns the picture.

  Args:
    samples: as they are stored, [N, ...].
    condition: their conditions, [N, ...] each. Other kinds of arrays are left out.
    targets: the real examples that the samples should resemble, as they are stored; None if unknown.
  """
  modality = of_shape(samples.shape)
  sources = modality.parts(condition)
  shown = {name: modality.storage.from_outputs(part) for name, part in sources.items()}
  shown['samples'] = samples
  if targets is not None:
    shown['targets'] = targets
  draw = modality.drawing.samples
  return plots.captioned({caption: draw(examples, None) for caption, examples in shown.items()})


__all__ = [
  'IMAGES',
  'MODALITIES',
  'DrawWeights',
  'Drawing',
  'FileFormat',
  'Inspection',
  'Make',
  'Modality',
  'Neighbors',
  'Space',
  'Storage',
  'Usage',
  'compared',
  'find',
  'of_game',
  'of_shape',
]
