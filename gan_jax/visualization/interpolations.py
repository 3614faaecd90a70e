"""Pictures of interpolations between the latents of samples."""

import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import latents, modalities
from gan_jax.common import pixels, rng
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Variables
from gan_jax.visualization import page

_PAIRS = 8


def paths(
  game: Game,
  variables: Variables,
  seed: int,
  columns: int,
  pairs: int = _PAIRS,
  condition: PyTree | None = None,
) -> jax.Array:
  """Generates samples along the arcs between the latents of pairs of samples.

  Args:
    game: a game that has `latents` and `generate`.
    variables: variables of its networks.
    seed: seed of the latents.
    columns: number of samples on an arc, including both ends.
    pairs: number of arcs.
    condition: conditions, [pairs or more, ...] each; None for none, and for label i modulo their number
      in row i of a game conditioned on labels.

  Returns:
    [pairs, columns, ...], images float32 in [-1, 1], or points; row i goes from sample i to sample
    pairs + i, under condition i.
  """
  prior, generate = game.latents, game.generate
  assert prior is not None and generate is not None

  in_turn = jnp.arange(pairs) % game.classes if game.classes else None
  rows = in_turn if condition is None else condition

  def samples(variables: Variables, keys: jax.Array, rows: PyTree | None) -> jax.Array:
    ends = prior(keys)
    arcs = latents.slerp(ends[:pairs, None], ends[pairs:, None], jnp.linspace(0, 1, columns))
    flat = arcs.reshape(pairs * columns, -1)
    if rows is None:
      return generate(variables, flat)
    of_columns = jax.tree.map(lambda values: jnp.repeat(values[:pairs], columns, axis=0), rows)
    return generate(variables, flat, of_columns)

  flat = jax.jit(samples)(variables, rng.sample_keys(seed, 0, 2 * pairs), rows)
  return flat.reshape(pairs, columns, *flat.shape[1:])


def save(
  folder: pathlib.Path,
  game: Game,
  variables: Variables,
  seed: int,
  samples: np.ndarray,
  condition: PyTree | None = None,
) -> dict[str, Any]:
  """Draws interpolations into a folder, and returns {'text': caption}.

  Returns {'left_out': reason} instead if they cannot be drawn.

  Args:
    folder: folder of the picture.
    game: game of the run.
    variables: variables of its networks.
    seed: seed of the latents.
    samples: images, uint8, or points [N, D], which are drawn around the paths.
    condition: see `paths`.
  """
  if game.latents is None or game.generate is None:
    return {'left_out': 'This game has no latents to interpolate.'}
  if not np.isfinite(samples).all():
    return {'left_out': 'The samples contain NaN or infinity.'}
  along = functools.partial(paths, game, variables, seed, condition=condition)
  picture, text = modalities.of_shape(samples.shape).inspection.interpolations(samples, along)
  pixels.save_png(folder / page.INTERPOLATIONS, picture)
  return {'text': text}
