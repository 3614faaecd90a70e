"""Images [height, width, channels]: stored as uint8, float32 in [-1, 1] for a network."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import console, pixels, plots, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Variables, conditions, sample
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
  is_number,
)

_SHOWN, _INSPECTED = 64, 100
_TILES, _TILE_COLUMNS = 16, 4
_COLUMNS = 10
_ROUNDING = 1e-3
_ROW, _LABELS = 8, 16
"""Samples of a label, and labels, in a picture of a game that is conditioned on labels."""


def _from_traced(images: jax.Array) -> jax.Array:
  """Returns images as uint8, rounded as in a PNG file."""
  if images.dtype == jnp.uint8:
    return images
  return jnp.clip(jnp.rint((images + 1) * 127.5), 0, 255).astype(jnp.uint8)


def _to_inputs(images: jax.Array) -> jax.Array:
  """Returns images as float32 in [-1, 1]."""
  return pixels.normalized(images) if images.dtype == jnp.uint8 else images


def _accepts(array: np.ndarray) -> bool:
  return is_number(array) and array.shape[-1] in (1, 3)


def _from_arrays(images: np.ndarray, at: str) -> np.ndarray:
  """Returns images of a user as uint8; raises ConfigError if floats are out of range."""
  if images.dtype == np.uint8:
    return images
  least, most = float(images.min()), float(images.max())
  if least < -1 - _ROUNDING or most > 1 + _ROUNDING:
    raise ConfigError(
      f'{at}: values from {least:g} to {most:g} are out of range (floats in [-1, 1], or uint8); '
      'scale the images'
    )
  if least >= 0:
    console.warn(f'{at}: no value is below 0; floats are read as [-1, 1], so scale those in [0, 1]')
  return pixels.to_bytes(images)


def _captioned(images: Mapping[str, Any], columns: int | None = None) -> np.ndarray:
  """Draws images in [-1, 1], {caption: [N, height, width, channels]}, as grids side by side."""
  grids = {caption: plots.grid(pixels.to_bytes(x), columns) for caption, x in images.items()}
  return plots.captioned(grids)


def _draw_data(real: np.ndarray, augmented: Callable[[], Mapping[str, jax.Array]]) -> np.ndarray:
  others = augmented()
  return _captioned({'as read': real, **others}) if others else plots.grid(pixels.to_bytes(real))


def _draw_training(game: Game, batch: Mapping[str, jax.Array], modes: Any, seed: int) -> DrawWeights:
  """Draws samples of all weights side by side, and first the images from which they are generated.

  A row has one label if the game is conditioned on labels.
  """
  numbers, given, columns = _shown(game, batch)
  sources = MODALITY.parts(given)
  generate, keys = jax.jit(functools.partial(sample, game)), rng.sample_keys(seed, 0, _SHOWN)[numbers]

  def draw(weights: Mapping[str, Variables], step: int) -> tuple[Make, dict[str, float]]:
    samples = {
      caption: np.asarray(generate(variables, jax.random.clone(keys), given))
      for caption, variables in weights.items()
    }
    return functools.partial(_captioned, {**sources, **samples}, columns), {}

  return draw


def _shown(game: Game, batch: Mapping[str, jax.Array]) -> tuple[np.ndarray, PyTree | None, int | None]:
  """Returns the numbers of the samples in a picture, their conditions, and the samples in a row."""
  if game.classes:
    rows = min(game.classes, _LABELS)
    # The same latents in every row, so that columns show what a label changes.
    return np.tile(np.arange(_ROW), rows), np.repeat(np.arange(rows, dtype=np.int32), _ROW), _ROW
  given = conditions(game, batch)
  count = _SHOWN if given is None else min(_SHOWN, len(batch['real']))
  return np.arange(count), jax.tree.map(lambda values: values[:count], given), None


def _tile(picture: np.ndarray, sample: Callable[[int], np.ndarray]) -> np.ndarray:
  return plots.grid(pixels.to_bytes(sample(_TILES)), columns=_TILE_COLUMNS)


def _interpolations(samples: np.ndarray, along: Callable[[int], jax.Array]) -> tuple[np.ndarray, str]:
  images = pixels.to_bytes(along(_COLUMNS))
  text = (
    f'Each row interpolates between two samples, at its ends, in {_COLUMNS - 1} equal steps along the '
    'arc between their latents.'
  )
  return plots.grid(images.reshape(-1, *images.shape[2:]), images.shape[1]), text


def _vectors(images: np.ndarray) -> np.ndarray:
  return images.reshape(len(images), -1)


def _sheet(images: np.ndarray) -> np.ndarray:
  rows, columns, height, width, channels = images.shape
  return images.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


# Pixels are compared as bytes, which needs no copy of the dataset, and reported as in [-1, 1].
_PIXELS = Space(
  name='pixels',
  title='In pixels',
  distance='Euclidean distance, pixels from -1 to 1',
  vectors=_vectors,
  unit=127.5,
)

MODALITY = Modality(
  name='images',
  one='image',
  axes=('height', 'width', 'channels'),
  storage=Storage(
    dtype=np.uint8,
    from_outputs=pixels.to_bytes,
    from_traced=_from_traced,
    to_inputs=_to_inputs,
    accepts=_accepts,
    accepted='uint8 or float in [-1, 1] [N, height, width, 1 or 3]',
    from_arrays=_from_arrays,
    file=FileFormat('.png', pixels.png),
  ),
  drawing=Drawing(
    shown=_SHOWN,
    samples=plots.grid,
    data=_draw_data,
    training=_draw_training,
    tile=_tile,
  ),
  inspection=Inspection(
    num=_INSPECTED,
    interpolations=_interpolations,
    neighbors=Neighbors(_PIXELS, _sheet),
  ),
  usage=Usage(
    tags=('unconditional-image-generation',),
    outputs=', in [-1, 1]',
    code='pixels = np.rint(127.5 * (images + 1)).clip(0, 255).astype(np.uint8)',
  ),
)
"""Images, uint8 [N, height, width, 1 or 3] where they are stored."""
