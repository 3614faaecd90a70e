"""Pictures of a run that need its networks: interpolations, and training examples nearest to samples.

The folder of the run stores the pictures and their captions, so that drawing its page needs no network.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_jax import modalities
from gan_jax.common.files import write_atomic
from gan_jax.config.build import Conditions
from gan_jax.data.source import Source
from gan_jax.game import Game, Variables, needs_condition
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
    given: the conditions of samples; None if the samples need none, see `game.needs_condition`, or if
      they are not available.
  """

  game: Game
  variables: Variables
  step: int
  weights: str
  seed: int
  given: Conditions | None = None


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
    reason: text in place of the pictures that need the data, if it is not available.
  """
  pictures = folder / page.INSPECTION
  pictures.mkdir(exist_ok=True)
  # The captions are deleted first and written last, so that they never describe other pictures.
  (pictures / page.ABOUT).unlink(missing_ok=True)
  for path in pictures.glob('*.png'):
    path.unlink()
  about = {
    'step': subject.step,
    'weights': subject.weights,
    'seed': subject.seed,
    **_drawn(pictures, subject, source, networks, reason),
  }
  write_atomic(pictures / page.ABOUT, json.dumps(about, indent=2).encode() + b'\n')


def _drawn(
  folder: pathlib.Path,
  subject: Subject,
  source: Source | None,
  networks: Sequence[FeatureNetwork],
  reason: str,
) -> dict[str, Any]:
  """Draws the pictures of samples, and returns their captions."""
  if needs_condition(subject.game) and subject.given is None:
    left_out = {'left_out': reason}
    return {'interpolations': left_out, 'traversals': [], 'neighbors': left_out}
  game, variables, _, _, seed, given = subject
  samples = _samples(subject)
  # Conditions of rows; no picture has more rows than a batch of samples.
  rows = given(0, load_run.BATCH) if given else None
  return {
    'interpolations': interpolations.save(folder, game, variables, seed, samples, rows),
    'traversals': traversals.save(folder, game, variables, seed, samples, rows),
    'neighbors': nearest_neighbors.save(folder, samples, source, networks, reason),
  }


def _samples(subject: Subject) -> np.ndarray:
  """Returns the samples that are inspected, as they are stored."""
  game, variables, _, _, seed, given = subject
  one = given(0, 1) if given else None
  num = modalities.of_game(game, variables, one).inspection.num
  return np.concatenate(list(load_run.draw(game, variables, num, seed, given)))
