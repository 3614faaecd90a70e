"""Pictures of a run that need its networks: interpolations, and training images nearest to samples.

They are kept in the folder of the run with what is to be said of them, so that its page needs no
network.
"""

import functools
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import latents
from gan_jax.common import pixels, rng
from gan_jax.common.files import write_atomic
from gan_jax.data import source as sources
from gan_jax.game import Game, Variables
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.metrics.memorization import nearest
from gan_jax.storage import load_run
from gan_jax.visualization import page, plots

NEIGHBOURS = 3
"""Training images beside each sample."""

_PAIRS, _COLUMNS, _PATH = 8, 10, 200
_SAMPLES, _CLOUD, _COMPARED, _BATCH, _PART = 12, 1000, 200, 500, 10_000
_BYTES = 2**28

About = dict[str, Any]


class Subject(NamedTuple):
  """Whose pictures are drawn.

  Attributes:
    game: of a run.
    variables: of its networks, on one device.
    step: of the variables.
    weights: which they are, 'averaged' or 'raw'.
    seed: of the latents, from 0 to 2**32 - 1.
  """

  game: Game
  variables: Variables
  step: int
  weights: str
  seed: int


def save(
  folder: pathlib.Path,
  subject: Subject,
  source: sources.Source | None,
  networks: Sequence[FeatureNetwork] = (),
  without: str = '',
) -> None:
  """Draws the pictures anew, into a folder of their own inside that of the run.

  Args:
    folder: of the run.
    subject: whose they are.
    source: of the run's data; None if that cannot be had.
    networks: by whose features neighbours are looked for too, besides by pixels.
    without: what to say in place of neighbours where there is no source.
  """
  place = folder / page.SHOWN
  place.mkdir(exist_ok=True)
  # What is said goes first and comes last, so that it is never said of other pictures.
  (place / page.ABOUT).unlink(missing_ok=True)
  samples = _samples(subject)
  about = {
    'step': subject.step,
    'weights': subject.weights,
    'seed': subject.seed,
    'interpolations': _interpolations(place, subject, samples),
    'neighbours': _neighbours(place, samples, source, networks, without),
  }
  write_atomic(place / page.ABOUT, json.dumps(about, indent=2).encode() + b'\n')


def _samples(subject: Subject) -> np.ndarray:
  """The first so many images, uint8, or points; a cloud of points must be seen, and costs little."""
  batches = load_run.draw(subject.game, subject.variables, _CLOUD, subject.seed)
  first = next(batches)
  return first if first.ndim > 2 else np.concatenate([first, *batches])


def paths(subject: Subject, columns: int) -> jax.Array:
  """What the generator makes of latents on the arcs between those of pairs of samples.

  Args:
    subject: of a game that has `latents` and `generate`.
    columns: how many in a row, the ends included.

  Returns:
    [8, columns, ...], images float32 in [-1, 1], or points; row i from sample i to sample 8 + i.
  """
  draw, generate = subject.game.latents, subject.game.generate
  assert draw is not None and generate is not None

  def made(variables: Variables, keys: jax.Array) -> jax.Array:
    ends = draw(keys)
    arcs = latents.slerp(ends[:_PAIRS, None], ends[_PAIRS:, None], jnp.linspace(0, 1, columns))
    return generate(variables, arcs.reshape(_PAIRS * columns, -1))

  flat = jax.jit(made)(subject.variables, rng.sample_keys(subject.seed, 0, 2 * _PAIRS))
  return flat.reshape(_PAIRS, columns, *flat.shape[1:])


def _interpolations(place: pathlib.Path, subject: Subject, samples: np.ndarray) -> About:
  if subject.game.latents is None or subject.game.generate is None:
    return {'left_out': 'This game has no latents to go along.'}
  if not np.isfinite(samples).all():
    return {'left_out': 'There is NaN or infinity among the samples.'}
  draw = _images_between if samples.ndim > 2 else functools.partial(_points_between, samples)
  picture, text = draw(functools.partial(paths, subject))
  pixels.save_png(place / page.INTERPOLATIONS, picture)
  return {'text': text}


def _images_between(between: Callable[[int], jax.Array]) -> tuple[np.ndarray, str]:
  images = pixels.to_bytes(between(_COLUMNS))
  text = (
    f'Each row leads from one sample, left, to another, right, in {_COLUMNS - 1} equal steps along '
    'the arc between their latents.'
  )
  return plots.grid(images.reshape(-1, *images.shape[2:]), _COLUMNS), text


def _points_between(samples: np.ndarray, between: Callable[[int], jax.Array]) -> tuple[np.ndarray, str]:
  look = plots.plane(samples)
  cloud = look(samples)
  path = look(np.asarray(between(_PATH)).reshape(-1, samples.shape[1]))
  projected = samples.shape[1] > 2
  picture = plots.scatter({'samples': cloud, 'between': path}, cloud, projected=projected)
  return picture, f'Samples, and {_PAIRS} ways along the arcs between the latents of two of them.'


def _neighbours(
  place: pathlib.Path,
  samples: np.ndarray,
  source: sources.Source | None,
  networks: Sequence[FeatureNetwork],
  without: str,
) -> About:
  if samples.ndim == 2:
    return {'left_out': 'Points are drawn afresh in every step: there is no set to be learnt by heart.'}
  if source is None or source.images is None:
    return {'left_out': without or 'The data has no images at rest to look among.'}
  chosen, bank, places = samples[:_SAMPLES], source.images, _looked_among(source.images)
  spaces = {'pixels': _in_space(place, 'pixels', chosen, bank, places, _pixels)}
  for network in networks:
    seen = functools.partial(_features, network)
    spaces[network.name] = _in_space(place, network.name, chosen, bank, places, seen)
  return {'spaces': spaces}


def _pixels(images: np.ndarray) -> np.ndarray:
  return images.reshape(len(images), -1)


def _features(network: FeatureNetwork, images: np.ndarray) -> np.ndarray:
  """[N, D] of uint8 images, a part at a time on one device."""
  look = jax.jit(lambda params, part: network.apply(params, part).features)
  parts = range(0, len(images), _BATCH)
  return np.concatenate([np.asarray(look(network.params, images[i : i + _BATCH])) for i in parts])


def _in_space(
  place: pathlib.Path,
  space: str,
  samples: np.ndarray,
  bank: sources.Images,
  places: np.ndarray,
  see: Callable[[np.ndarray], np.ndarray],
) -> About:
  """Draws a sheet, each row a sample and its neighbours; what is to be said of it."""
  some = places[np.unique(np.linspace(0, len(places) - 1, _COMPARED).astype(int))]
  seen = see(np.concatenate([samples, bank[some]]))
  # Pixels are compared as bytes, which need no copy of the set, and told of as in [-1, 1].
  unit = 127.5 if seen.dtype == np.uint8 else 1
  found, distances = _nearest(seen, bank, places, see, min(NEIGHBOURS, len(places)))
  index, apart, others = found[: len(samples)], *np.split(distances / unit, [len(samples)])
  rows = np.concatenate([samples[:, None], bank[index]], axis=1)
  pixels.save_png(place / page.NEIGHBOURS.format(space), _sheet(rows))
  return {
    'title': 'In pixels' if space == 'pixels' else f'In the features of {space}',
    'text': _scale(others, unit) + _of_how_many(bank, places),
    'distances': apart.tolist(),
    'index': index.tolist(),
  }


def _sheet(images: np.ndarray) -> np.ndarray:
  """[rows, columns, height, width, channels] as one picture, without gaps."""
  rows, columns, height, width, channels = images.shape
  return images.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def _looked_among(bank: sources.Images) -> np.ndarray:
  """Places of training images, all unless they are so many that it takes minutes: then by chance."""
  most = max(_BYTES * len(bank) // bank.nbytes, 1)
  if len(bank) <= most:
    return np.arange(len(bank))
  return np.sort(np.random.default_rng(0).choice(len(bank), most, replace=False))


def _of_how_many(bank: sources.Images, places: np.ndarray) -> str:
  if len(places) == len(bank):
    return ''
  return f' Looked for among {len(places):,} of the {len(bank):,} training images, drawn by chance.'


def _nearest(
  seen: np.ndarray,
  bank: sources.Images,
  places: np.ndarray,
  see: Callable[[np.ndarray], np.ndarray],
  k: int,
) -> tuple[np.ndarray, np.ndarray]:
  """Places [N, k] and distances [N, k] of the nearest of the images at `places`, a part at a time."""
  found = []
  for first in range(0, len(places), _PART):
    chosen = places[first : first + _PART]
    index, apart = nearest(seen, see(bank[chosen]), min(k, len(chosen)))
    found.append((chosen[index], apart))
  index, apart = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
  order = np.argsort(apart, axis=1, kind='stable')[:, :k]
  return np.take_along_axis(index, order, 1), np.take_along_axis(apart, order, 1)


def _scale(others: np.ndarray, unit: float) -> str:
  """What the distances are to be compared with: those [N, k] of training images to the set."""
  what = 'Euclidean distance' + (', pixels from -1 to 1' if unit != 1 else '')
  if others.shape[1] < 2:
    return f'{what}.'
  usual = np.median(others[:, 1])
  return (
    f'{what}. Of {len(others)} training images the nearest other is {usual:.3g} away, in the median.'
  )
