"""The picture of a training state: a grid of images, or points over the discriminator's output."""

import functools
import io
import pathlib
from collections.abc import Callable
from concurrent import futures
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from gan_jax.common import pixels, rng
from gan_jax.data import source as sources
from gan_jax.game import Game, Variables
from gan_jax.metrics import mode_coverage
from gan_jax.training.state import TrainState, averaged
from gan_jax.visualization import plots

Make = Callable[[], np.ndarray]
"""Draws a picture, uint8 [height, width, 3], from arrays on the host, without using the devices."""
Draw = Callable[[TrainState], tuple[Make, dict[str, float]]]
"""Maps a state to a function that draws its picture, and to metrics of its samples."""

_IMAGES, _POINTS = 64, 1000
_FRAMES, _FRAME_MILLISECONDS = 100, 200


def drawer(game: Game, source: sources.Source, real: jax.Array, seed: int, averages: bool) -> Draw:
  """Returns the function that draws the states of a run, with samples of the same latents every time.

  Images are drawn side by side, of averaged weights and of raw ones. Points are drawn over real ones
  and over the discriminator's output; those of a mixture are scored, see `mode_coverage`.

  Args:
    game: the game of the run.
    source: its data.
    real: a batch of real examples, images [B, height, width, channels] or points [B, D].
    seed: of the latents.
    averages: whether averaged weights are drawn: images of both, points of averaged weights alone.
  """
  sample = jax.jit(game.sample)
  if real.ndim > 2:
    return functools.partial(_draw_images, sample, rng.sample_keys(seed, 0, _IMAGES), averages)
  plane = plots.plane(np.asarray(real) if source.modes is None else source.modes.centers)
  points = plane(np.asarray(real)[:_POINTS])
  projected = real.shape[1] > 2
  # A surface is of two coordinates; more of them are only projected.
  surface = None
  if game.critic and not projected:
    surface = _Surface(jax.jit(game.critic), plots.lattice(points))
  keys = rng.sample_keys(seed, 0, mode_coverage.SAMPLES)
  return _Points(sample, keys, averages, source.modes, _Plot(plane, points, projected, surface))


def _weights(averages: bool, state: TrainState) -> dict[str, Variables]:
  """The variables of a state that are drawn, by their captions."""
  raw = {'raw weights': state.variables}
  if not averages:
    return raw
  return {'averaged weights (EMA)': averaged(state.variables, state.ema), **raw}


def _draw_images(
  sample: Callable, keys: jax.Array, averages: bool, state: TrainState
) -> tuple[Make, dict[str, float]]:
  samples = {
    caption: np.asarray(sample(variables, jax.random.clone(keys)))
    for caption, variables in _weights(averages, state).items()
  }

  def make() -> np.ndarray:
    grids = {caption: plots.grid(pixels.to_bytes(images)) for caption, images in samples.items()}
    return plots.captioned(grids)

  return make, {}


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


class _Points(NamedTuple):
  sample: Callable
  keys: jax.Array
  averages: bool
  modes: mode_coverage.Modes | None
  plot: _Plot

  def __call__(self, state: TrainState) -> tuple[Make, dict[str, float]]:
    variables = next(iter(_weights(self.averages, state).values()))
    samples = np.asarray(self.sample(variables, jax.random.clone(self.keys)))
    metrics = self._metrics(samples)
    plane, real, projected, surface = self.plot
    heights = None if surface is None else np.asarray(surface.critic(variables, surface.lattice))
    title = f'step {int(state.step)}'
    if self.modes and metrics:
      title += (
        f'   modes {metrics["modes/captured"]:.0f}/{len(self.modes.centers)}'
        f'   high quality {metrics["modes/high_quality"]:.1%}'
        f'   reverse KL {metrics["modes/reverse_kl"]:.3f}'
      )
    points = {'real': real, 'generated': plane(samples[:_POINTS])}
    return functools.partial(plots.scatter, points, real, heights, title, projected), metrics

  def _metrics(self, samples: np.ndarray) -> dict[str, float]:
    if self.modes is None:
      return {}
    metrics = self.modes.scores(samples)
    return {f'modes/{name}': float(value) for name, value in metrics.items()}


class Saver:
  """Draws pictures and saves them in a folder, in a thread beside training."""

  def __init__(self, folder: pathlib.Path, show: Callable[[int, np.ndarray], None]):
    """Prepares to save.

    Args:
      folder: of the pictures.
      show: called in that thread with the step and each picture that is saved.
    """
    self._folder = folder
    self._show = show
    self._thread = futures.ThreadPoolExecutor(max_workers=1)
    self._last: futures.Future | None = None

  def save(self, step: int, make: Make) -> None:
    """Starts to draw the picture of a step, after waiting for the previous one.

    Raises:
      OSError: the previous picture could not be saved.
    """
    self.wait()
    self._last = self._thread.submit(self._save, step, make)

  def _save(self, step: int, make: Make) -> None:
    image = make()
    pixels.save_png(self._folder / f'step_{step:08}.png', image)
    self._show(step, image)

  def wait(self) -> None:
    """Waits until all pictures are saved.

    Raises:
      OSError: the last picture could not be saved.
    """
    last = self._last
    self._last = None
    if last:
      last.result()

  def close(self) -> None:
    """Waits until all pictures are saved, and ignores errors."""
    self._thread.shutdown()


def animate(folder: pathlib.Path) -> bytes | None:
  """Returns the pictures of a run as an animated GIF of at most 100 frames; None for fewer than two."""
  paths = sorted(folder.glob('step_*.png'))
  if len(paths) < 2:
    return None
  chosen = sorted({round(i) for i in np.linspace(0, len(paths) - 1, min(len(paths), _FRAMES))})
  frames = [Image.open(paths[i]).convert('RGB') for i in chosen]
  buffer = io.BytesIO()
  times = [_FRAME_MILLISECONDS] * (len(frames) - 1) + [5 * _FRAME_MILLISECONDS]
  frames[0].save(buffer, 'GIF', save_all=True, append_images=frames[1:], duration=times, loop=0)
  return buffer.getvalue()
