"""Pictures of what labels and parts of the latents change, with all else fixed."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import modalities
from gan_jax.common import pixels, rng
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Traversal, Variables
from gan_jax.visualization import page

_ROWS = 8

Along = Callable[[int], jax.Array]
"""Number of columns -> outputs [rows, columns, ...]; some traversals have their own number."""


def between_classes(game: Game, variables: Variables, seed: int, columns: int) -> jax.Array:
  """Generates samples between classes, [rows, columns, ...].

  Row i has the latents of sample i. Its labels go from class i to class i + 1 in equal steps.

  Args:
    game: a game conditioned on labels that has latents.
    variables: of its networks.
    seed: of the latents.
    columns: number of samples in a row, including both classes.
  """
  first = jnp.eye(game.classes)[jnp.arange(_ROWS) % game.classes]
  last = jnp.eye(game.classes)[jnp.arange(1, _ROWS + 1) % game.classes]
  share = jnp.linspace(0, 1, columns)[None, :, None]
  weights = (1 - share) * first[:, None] + share * last[:, None]
  return _generated(game, variables, seed, columns, lambda latents: (latents, weights))


def of_part(
  game: Game, variables: Variables, seed: int, part: Traversal, condition: PyTree | None = None
) -> jax.Array:
  """Generates samples that differ in a part of their latents, [rows, values of the part, ...].

  Row i has the other latents of sample i, and its condition. In a game conditioned on labels it has one
  label, i modulo their number.

  Args:
    game: a game that has latents.
    variables: of its networks.
    seed: of the latents.
    part: the part and its values.
    condition: conditions, [rows or more, ...] each, in a game whose samples need them.
  """
  count, size = part.values.shape
  places = np.arange(part.first, part.first + size)
  rows = jnp.eye(game.classes)[jnp.arange(_ROWS) % game.classes] if game.classes else condition
  given = jax.tree.map(lambda values: jnp.repeat(values[:_ROWS, None], count, axis=1), rows)

  def change(latents: jax.Array) -> tuple[jax.Array, PyTree | None]:
    return latents.at[..., places].set(part.values), given

  return _generated(game, variables, seed, count, change)


def _generated(
  game: Game,
  variables: Variables,
  seed: int,
  columns: int,
  change: Callable[[jax.Array], tuple[jax.Array, PyTree | None]],
) -> jax.Array:
  """Generates rows of samples after a change of latents [rows, columns, L], and with its conditions."""
  prior, generate = game.latents, game.generate
  assert prior is not None and generate is not None

  def rows(variables: Variables, keys: jax.Array) -> jax.Array:
    latents, given = change(jnp.repeat(prior(keys)[:, None], columns, axis=1))
    flat = lambda values: values.reshape(_ROWS * columns, *values.shape[2:])
    if given is None:
      return generate(variables, flat(latents))
    return generate(variables, flat(latents), jax.tree.map(flat, given))

  flat = jax.jit(rows)(variables, rng.sample_keys(seed, 0, _ROWS))
  return flat.reshape(_ROWS, columns, *flat.shape[1:])


def _all(
  game: Game, variables: Variables, seed: int, condition: PyTree | None
) -> Iterator[tuple[str, Along]]:
  """Yields the caption and the function of each traversal of a game."""
  if game.classes:
    text = 'Each row has fixed latents. Its label changes from one class to the next in equal steps.'
    yield text, lambda columns: between_classes(game, variables, seed, columns)
  for part in game.traversals:
    text = f'Each row has fixed latents, except for {part.name}, which has one value per column.'
    yield text, lambda columns, part=part: of_part(game, variables, seed, part, condition)


def save(
  folder: pathlib.Path,
  game: Game,
  variables: Variables,
  seed: int,
  samples: np.ndarray,
  condition: PyTree | None = None,
) -> list[dict[str, Any]]:
  """Draws the traversals of a game into a folder, and returns [{'text': caption}].

  Args:
    folder: folder of the pictures.
    game: game of the run.
    variables: variables of its networks.
    seed: seed of the latents.
    samples: as they are stored; points are drawn around them.
    condition: see `of_part`.
  """
  if game.latents is None or game.generate is None or not np.isfinite(samples).all():
    return []
  draw = modalities.of_shape(samples.shape).inspection.interpolations
  captions = []
  for index, (text, along) in enumerate(_all(game, variables, seed, condition)):
    picture, _ = draw(samples, along)
    pixels.save_png(folder / page.TRAVERSALS.format(index), picture)
    captions.append({'text': text})
  return captions
