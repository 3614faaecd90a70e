"""Predictions of a game for labeled examples that training never sees, see `Game.classify`."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import modalities
from gan_jax.common import hashing
from gan_jax.common.types import PyTree
from gan_jax.data.source import Images, Source, label_count
from gan_jax.evaluation import feature_extraction, reference_statistics
from gan_jax.game import Game
from gan_jax.runtime import devices


class Confusion(NamedTuple):
  """Predictions of a game for labeled examples.

  Attributes:
    counts: [K, C], the number of examples with each prediction and label.
    split: the split of the examples.
    digest: the digest of the examples, see `hashing.of_array`.
  """

  counts: np.ndarray
  split: str
  digest: str


Predict = Callable[[PyTree], Confusion]
"""Variables of a game, which all devices share -> what it predicts of held-out examples."""


class _HeldOut(NamedTuple):
  examples: Images
  labels: np.ndarray
  split: str
  digest: str


def make_confusion(game: Game, source: Source) -> Predict | None:
  """Returns the function that counts what a game predicts of held-out examples of each label.

  Data that is drawn at random gives `reference_statistics.NUM_STORED` examples.

  Args:
    game: the game.
    source: the data that it is trained on.

  Returns:
    The function; it raises ConfigError if the settings of the data hold out no examples. None if the
    game predicts no classes, or the data has no labels or cannot hold out examples.
  """
  classify, make_held_out, classes = game.classify, source.held_out, label_count(source)
  if not (classify and make_held_out and classes):
    return None
  held_out = functools.cache(lambda: _read(make_held_out()))
  predict = devices.pmap_over_devices(functools.partial(_predicted, classify))

  def confusion(variables: PyTree) -> Confusion:
    examples, labels, split, digest = held_out()
    size = feature_extraction.BATCH * devices.device_count()
    rows = devices.shard_batch({}, size)['rows']
    logits = [
      devices.to_host(predict({'variables': variables, 'examples': chunk}, rows))
      for chunk in feature_extraction.chunks(examples, size)
    ]
    predicted = np.concatenate(logits)[: len(labels)].argmax(axis=1)
    counts = np.zeros((logits[0].shape[1], classes), np.int64)
    np.add.at(counts, (predicted, labels), 1)
    return Confusion(counts, split, digest)

  return confusion


def _read(source: Source) -> _HeldOut:
  examples, labels = reference_statistics.labeled_examples(source)
  return _HeldOut(examples, labels, source.split, source.digest or hashing.of_array(examples))


def _predicted(
  classify: Callable[[Any, jax.Array], jax.Array], shared: Mapping[str, Any], rows: jax.Array
) -> jax.Array:
  examples = jnp.asarray(shared['examples'])[rows]
  inputs = modalities.of_shape(examples.shape).storage.to_inputs(examples)
  return devices.gather(classify(shared['variables'], inputs))
