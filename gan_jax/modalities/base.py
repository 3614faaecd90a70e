"""The interface of modalities: what the other packages ask of a kind of examples.

Examples are *stored* in arrays, files and datasets, for instance as uint8, and a game *outputs* them as
floats. A picture is uint8 [height, width, 3].
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from gan_jax.common.types import PyTree
from gan_jax.game import Game, Variables

Make = Callable[[], np.ndarray]
"""Draws a picture from arrays on the host, without using the devices."""

DrawWeights = Callable[[Mapping[str, Variables], int], tuple[Make, dict[str, float]]]
"""({caption: variables}, step) -> a function that draws their samples, and metrics of the samples.

The first variables are those that a run is judged by: the averaged ones if there are any.
"""

DrawTraining = Callable[[Game, Mapping[str, jax.Array], Any, int], DrawWeights]
"""(game, a batch of the data, the modes of the data or None, seed of the latents) -> `DrawWeights`.

The latents and the conditions are the same in every picture.
"""

Vectors = Callable[[np.ndarray], np.ndarray]
"""Stored examples [N, ...] -> vectors [N, D] that are compared."""


class FileFormat(NamedTuple):
  """The format of a file that holds one example.

  Attributes:
    suffix: of the name, e.g. '.png'.
    encode: a stored example -> the content of the file.
  """

  suffix: str
  encode: Callable[[np.ndarray], bytes]


class Storage(NamedTuple):
  """How examples are stored.

  Attributes:
    dtype: of stored examples.
    from_outputs: outputs of a game on the host, with any number of leading axes -> stored examples.
    from_traced: the same inside a compiled program; stored examples pass unchanged.
    to_inputs: stored examples -> inputs of a network, inside a compiled program; inputs pass unchanged.
    accepts: whether an array [N, ...] that a user gives can be converted.
    accepted: the arrays that it accepts, in words, for errors.
    from_arrays: (an array that it accepts, the key that gave it) -> stored examples; raises ConfigError
      for values out of range.
    file: the format of a file of one example; None if only arrays are written.
  """

  dtype: npt.DTypeLike
  from_outputs: Callable[[npt.ArrayLike], np.ndarray]
  from_traced: Callable[[jax.Array], jax.Array]
  to_inputs: Callable[[jax.Array], jax.Array]
  accepts: Callable[[np.ndarray], bool]
  accepted: str
  from_arrays: Callable[[np.ndarray, str], np.ndarray]
  file: FileFormat | None = None


class Drawing(NamedTuple):
  """How examples become pictures.

  Attributes:
    shown: number of samples in a picture.
    samples: (stored samples [N, ...], samples in a row or None) -> a picture.
    data: (real examples as a network gets them [N, ...], a function that returns {caption: the same
      examples augmented}) -> a picture. A modality without augmentations does not call the function.
    training: prepares the pictures of a run, see `DrawTraining`.
    tile: (the picture of a run, a function that returns n outputs of its game) -> a small picture, for
      a sheet of many runs.
  """

  shown: int
  samples: Callable[[np.ndarray, int | None], np.ndarray]
  data: Callable[[np.ndarray, Callable[[], Mapping[str, jax.Array]]], np.ndarray]
  training: DrawTraining
  tile: Callable[[np.ndarray, Callable[[int], np.ndarray]], np.ndarray]


class Space(NamedTuple):
  """A space in which the distances between examples are measured.

  Attributes:
    name: in file names, e.g. 'pixels'.
    title: on the page of a run.
    distance: the distance in words.
    vectors: maps examples to the space.
    unit: a distance of 1 on the page, as a distance between vectors.
  """

  name: str
  title: str
  distance: str
  vectors: Vectors
  unit: float = 1


class Neighbors(NamedTuple):
  """How samples are shown beside the training examples nearest to them.

  Attributes:
    space: in which the nearest examples are searched, besides the features of networks.
    sheet: stored examples [rows, columns, ...] -> a picture of as many tiles of one size, without gaps.
  """

  space: Space
  sheet: Callable[[np.ndarray], np.ndarray]


class Inspection(NamedTuple):
  """The part of a run's page that shows its final weights.

  Attributes:
    num: number of samples that are generated.
    interpolations: (stored samples, a function) -> a picture of interpolations, and its caption. The
      function maps a number of columns to outputs [rows, columns, ...], e.g. along arcs of latents;
      it may return another number of columns.
    neighbors: how nearest neighbors are shown; None if they are left out.
    left_out: the reason, on the page.
  """

  num: int
  interpolations: Callable[[np.ndarray, Callable[[int], jax.Array]], tuple[np.ndarray, str]]
  neighbors: Neighbors | None = None
  left_out: str = 'Distances between such examples are not defined.'


class Usage(NamedTuple):
  """The lines about samples on the card of an exported model.

  Attributes:
    tags: of model hubs.
    outputs: follows the shape of the outputs, e.g. ', in [-1, 1]'.
    code: Python that converts the outputs, as the card shows it; '' for outputs that are stored as
      they are.
  """

  tags: tuple[str, ...] = ()
  outputs: str = ''
  code: str = ''


class Modality(NamedTuple):
  """A kind of examples.

  Attributes:
    name: in the plural, e.g. 'images': an .npz file of samples has its array under this name.
    one: a single example, e.g. 'image'.
    axes: names of the axes of one example. Their number identifies the modality.
    storage, drawing, inspection, usage: see these.
    features: the feature network of scores if none is named; '' if one must be named.
  """

  name: str
  one: str
  axes: tuple[str, ...]
  storage: Storage
  drawing: Drawing
  inspection: Inspection
  usage: Usage = Usage()
  features: str = ''

  @property
  def form(self) -> str:
    """The shape of an array of examples in words, e.g. '[N, height, width, channels]'."""
    return f'[{", ".join(("N", *self.axes))}]'

  def parts(self, condition: PyTree) -> dict[str, np.ndarray]:
    """Returns the parts of conditions that are examples of this kind, [N, ...] each, by name.

    A condition that is one array has the name 'source'. The parts are unchanged.
    """
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(condition):
      part = np.asarray(leaf)
      if part.ndim == 1 + len(self.axes) and self.storage.accepts(part):
        found[jax.tree_util.keystr(path, simple=True, separator='.') or 'source'] = part
    return found


def is_number(array: np.ndarray) -> bool:
  """Returns whether an array holds uint8 or floating-point numbers."""
  return array.dtype == np.uint8 or np.issubdtype(array.dtype, np.floating)
