"""The real examples that scores compare with: looked at once, and remembered."""

import io
import pathlib
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.common import cache, hashing
from gan_jax.common.files import write_atomic
from gan_jax.data.source import Source
from gan_jax.evaluation.feature_extraction import FeatureStatistics, collect_set
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import processes

KEPT = 10_000
"""Real examples of which features are kept, for scores that compare sample with sample."""

ORDER = 0
"""Seed of the order in which a set is looked at."""

_LAST_DRAW = 2**31 - 1


class Reference(NamedTuple):
  """Real examples.

  Attributes:
    seen: what the network saw of them.
    card: what they are: 'data_digest', 'split' and 'real', how many.
  """

  seen: FeatureStatistics
  card: dict[str, Any]


def real_statistics(
  source: Source, network: FeatureNetwork, fresh: int, warn: Callable[[str], None]
) -> Reference:
  """What a network sees of real examples; of a set, all are looked at, in an order fixed for all time.

  Args:
    source: of the data.
    network: that looks.
    fresh: how many points to draw, where the source has no set; a run will never train on these.
    warn: told of a broken file in the cache.
  """
  if source.images is None:
    points = _fresh(source, fresh)
    card = {'data_digest': hashing.of_array(points), 'split': 'drawn afresh', 'real': len(points)}
    return Reference(collect_set(network, points, len(points)), card)
  total = len(source.images)
  # Sets come sorted by class, and some scores use the first so many.
  order = np.random.default_rng(ORDER).permutation(total)
  digest = source.digest or hashing.of_array(source.images)
  card = {'data_digest': digest, 'split': source.split, 'real': total}
  seen = _remembered(_place(card, network), warn)
  everywhere = processes.unanimous(seen is not None)
  if seen is None or not everywhere:
    seen = made = collect_set(network, source.images, KEPT, order)
    processes.on_primary(lambda: _remember(_place(card, network), made, warn))
  return Reference(seen._replace(images=source.images[order[:KEPT]]), card)


def _fresh(source: Source, num: int) -> np.ndarray:
  """The first `num` examples of the last batch there can be."""
  return np.asarray(jax.jit(source.batch)(source.arrays, _LAST_DRAW, np.arange(num))['real'])


def _place(card: dict[str, Any], network: FeatureNetwork) -> pathlib.Path:
  parts = {
    **{key: str(value) for key, value in card.items()},
    'network': network.name,
    'weights': network.digest,
    'resizer': network.resizer,
    'kept': f'{KEPT} in order {ORDER}',
  }
  return cache.folder() / 'statistics' / f'{network.name}_{hashing.of_texts(parts)[:16]}.npz'


def _remember(path: pathlib.Path, seen: FeatureStatistics, warn: Callable[[str], None]) -> None:
  buffer = io.BytesIO()
  np.savez(buffer, **seen.moments._asdict(), features=seen.features, logits=seen.logits)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue(), shared=True)
  except OSError as error:
    warn(f'{path} cannot be written ({error.strerror}); real examples will be looked at again')


def _remembered(path: pathlib.Path, warn: Callable[[str], None]) -> FeatureStatistics | None:
  """All but the images."""
  try:
    with np.load(path) as file:
      moments = frechet.Moments(**{name: file[name] for name in frechet.Moments._fields})
      return FeatureStatistics(moments, file['features'], file['logits'], images=np.empty(0))
  except FileNotFoundError:
    return None
  except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
    warn(f'{path} is broken ({error}); it is made anew')
    return None
