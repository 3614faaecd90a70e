"""Pictures of a run that need its networks: interpolations, and training examples nearest to samples.

The folder of the run stores the pictures and their captions, so that drawing its page needs no network.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gan_jax import modalities
from gan_jax.common.files import write_atomic
from gan_jax.data.source import Source
from gan_jax.game import Game, Variables
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.storage import load_run
from gan_jax.visualization import interpolations, nearest_neighbors, page, traversals


class Subject(NamedTuple):
  """The generator whose pictures are drawn.

  Attributes:
    game: game of a run.
    variables: variables of its networks, on one device.
    step: training step of the variables.
    weights: 'averaged' or 'raw'.
    seed: seed of the latents, from 0 to 2**32 - 1.
  """

  game: Game
  variables: Variables
  step: int
  weights: str
  seed: int


def save(
  folder: pathlib.Path,
  subject: Subject,
  source: Source | None,
  networks: Sequence[FeatureNetwork] = (),
  reason: str = '',
) -> None:
  """Draws the pictures into a subfolder of a run's folder; replaces older ones.

  Args:
    folder: folder of the run.
    subject: the generator.
    source: the run's data; None if it is not available.
    networks: feature networks in whose features nearest neighbors are searched too, besides pixels.
    reason: text in place of the neighbors if `source` is None.
  """
  pictures = folder / page.INSPECTION
  pictures.mkdir(exist_ok=True)
  # The captions are deleted first and written last, so that they never describe other pictures.
  (pictures / page.ABOUT).unlink(missing_ok=True)
  samples = _samples(subject)
  about = {
    'step': subject.step,
    'weights': subject.weights,
    'seed': subject.seed,
    'interpolations': interpolations.save(
      pictures, subject.game, subject.variables, subject.seed, samples
    ),
    'traversals': traversals.save(pictures, subject.game, subject.variables, subject.seed, samples),
    'neighbors': nearest_neighbors.save(pictures, samples, source, networks, reason),
  }
  write_atomic(pictures / page.ABOUT, json.dumps(about, indent=2).encode() + b'\n')


def _samples(subject: Subject) -> np.ndarray:
  """Returns the samples that are inspected, as they are stored."""
  num = modalities.of_game(subject.game, subject.variables).inspection.num
  return np.concatenate(list(load_run.draw(subject.game, subject.variables, num, subject.seed)))
