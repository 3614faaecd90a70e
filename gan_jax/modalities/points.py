"""Points [D], float32: stored as they are, and drawn in a plane."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from gan_jax.common import plots, rng
from gan_jax.game import Game, Variables, balanced_labels, conditions_in_turn, sample
from gan_jax.metrics import mode_coverage
from gan_jax.modalities.base import (
  Drawing,
  DrawWeights,
  Inspection,
  Make,
  Modality,
  Storage,
  is_number,
)

_SHOWN = 1000
"""Points are cheap, and look sparse if there are fewer."""

_COLUMNS = 200


def _unchanged(points: jax.Array) -> jax.Array:
  return points


def _from_arrays(points: np.ndarray, at: str) -> np.ndarray:
  return points.astype(np.float32)


def _draw(points: np.ndarray, columns: int | None = None) -> np.ndarray:
  shown = plots.plane(points)(points)
  return plots.scatter({'generated': shown}, shown)


def _draw_data(real: np.ndarray, augmented: Callable[[], Mapping[str, jax.Array]]) -> np.ndarray:
  shown = plots.plane(real)(real)
  return plots.scatter({'real': shown}, shown, projected=_is_projected(real))


def _is_projected(points: np.ndarray | jax.Array) -> bool:
  return points.shape[1] > 2


class _Surface(NamedTuple):
  """The discriminator's output over the plane: its function, and the points where it is drawn."""

  critic: Callable
  lattice: np.ndarray


class _Plot(NamedTuple):
  """The rest of a plot: real points, their projection to the plane, and the surface."""

  plane: Callable[[np.ndarray], np.ndarray]
  real: np.ndarray
  projected: bool
  surface: _Surface | None


def _draw_training(game: Game, batch: Mapping[str, jax.Array], modes: Any, seed: int) -> DrawWeights:
  """Draws points over real ones and over the discriminator's output, and scores those of a mixture."""
  real = batch['real']
  plane = plots.plane(np.asarray(real) if modes is None else modes.centers)
  points = plane(np.asarray(real)[:_SHOWN])
  projected = _is_projected(real)
  # A surface is of two coordinates; more of them are only projected.
  surface = None
  if game.critic and not projected:
    surface = _Surface(jax.jit(game.critic), plots.lattice(points))
  labels = balanced_labels(game, mode_coverage.SAMPLES)
  given = conditions_in_turn(game, batch, mode_coverage.SAMPLES) if labels is None else labels
  keys = rng.sample_keys(seed, 0, mode_coverage.SAMPLES)
  generate = jax.jit(lambda variables, keys: sample(game, variables, keys, given))
  return _Training(generate, keys, modes, _Plot(plane, points, projected, surface), labels)


class _Training(NamedTuple):
  """Draws and scores the first of several weights, see `DrawWeights`."""

  sample: Callable
  keys: jax.Array
  modes: Any
  plot: _Plot
  labels: np.ndarray | None

  def __call__(self, weights: Mapping[str, Variables], step: int) -> tuple[Make, dict[str, float]]:
    variables = next(iter(weights.values()))
    samples = np.asarray(self.sample(variables, jax.random.clone(self.keys)))
    metrics = self._metrics(samples)
    plane, real, projected, surface = self.plot
    heights = None if surface is None else np.asarray(surface.critic(variables, surface.lattice))
    title = f'step {step}'
    if self.modes and metrics:
      title += (
        f'   modes {metrics["modes/captured"]:.0f}/{len(self.modes.centers)}'
        f'   high quality {metrics["modes/high_quality"]:.1%}'
        f'   reverse KL {metrics["modes/reverse_kl"]:.3f}'
      )
      if self.labels is not None:
        title += f'   labels {metrics["modes/label_accuracy"]:.1%}'
    points = {'real': real, 'generated': plane(samples[:_SHOWN])}
    return functools.partial(plots.scatter, points, real, heights, title, projected), metrics

  def _metrics(self, samples: np.ndarray) -> dict[str, float]:
    if self.modes is None:
      return {}
    labels = {} if self.labels is None else {'labels': self.labels}
    metrics = self.modes.scores(samples, **labels)
    return {f'modes/{name}': float(value) for name, value in metrics.items()}


def _tile(picture: np.ndarray, sample: Callable[[int], np.ndarray]) -> np.ndarray:
  """Returns the picture at half its size."""
  height, width = picture.shape[:2]
  whole = Image.fromarray(np.ascontiguousarray(picture))
  return np.asarray(whole.resize((width // 2, height // 2), Image.Resampling.LANCZOS))


def _interpolations(samples: np.ndarray, along: Callable[[int], jax.Array]) -> tuple[np.ndarray, str]:
  project = plots.plane(samples)
  shown, arcs = project(samples), np.asarray(along(_COLUMNS))
  path = project(arcs.reshape(-1, samples.shape[1]))
  picture = plots.scatter({'samples': shown, 'between': path}, shown, projected=_is_projected(samples))
  text = f'Samples, and {len(arcs)} paths along the arcs between the latents of two of them.'
  return picture, text


MODALITY = Modality(
  name='points',
  one='point',
  axes=('D',),
  storage=Storage(
    dtype=np.float32,
    from_outputs=np.asarray,
    from_traced=_unchanged,
    to_inputs=_unchanged,
    accepts=is_number,
    accepted='float [N, D]',
    from_arrays=_from_arrays,
  ),
  drawing=Drawing(
    shown=_SHOWN,
    samples=_draw,
    data=_draw_data,
    training=_draw_training,
    tile=_tile,
  ),
  inspection=Inspection(
    num=_SHOWN,
    interpolations=_interpolations,
    left_out='Every step draws new points: the generator cannot memorize a dataset.',
  ),
  features='coordinates',
)
"""Points, float32 [N, D]."""
