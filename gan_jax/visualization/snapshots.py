"""The picture of a training state: a grid of images, or points over the discriminator's output."""

import functools
import io
import pathlib
from collections.abc import Callable
from concurrent import futures

import jax
import numpy as np
from PIL import Image

from gan_jax.common import pixels, rng
from gan_jax.common.types import Plain
from gan_jax.config import build
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


def drawer(config: Plain, game: Game, source: sources.Source) -> Draw:
  """How to draw the states of a run: samples are from the same latents every time.

  Images are drawn side by side, of averaged weights and of raw ones. Points are drawn over real ones
  and over the discriminator's output; those of a mixture are scored, see `mode_coverage`.
  """
  real = build.make_batch(config, source)['real']
  if real.ndim > 2:
    return _Images(config, game)
  return _Points(config, game, source, np.asarray(real))


def _weights(config: Plain, state: TrainState) -> dict[str, Variables]:
  if config['ema']:
    mean = averaged(state.variables, state.ema)
    return {'averaged weights (EMA)': mean, 'raw weights': state.variables}
  return {'raw weights': state.variables}


class _Images:
  def __init__(self, config: Plain, game: Game):
    self._config, self._sample = config, jax.jit(game.sample)
    self._keys = rng.sample_keys(config['seed'], 0, _IMAGES)

  def __call__(self, state: TrainState) -> tuple[Make, dict[str, float]]:
    samples = {
      caption: np.asarray(self._sample(variables, jax.random.clone(self._keys)))
      for caption, variables in _weights(self._config, state).items()
    }

    def make() -> np.ndarray:
      grids = {caption: plots.grid(pixels.to_bytes(images)) for caption, images in samples.items()}
      return plots.captioned(grids)

    return make, {}


class _Points:
  def __init__(self, config: Plain, game: Game, source: sources.Source, real: np.ndarray):
    self._config, self._modes = config, source.modes
    self._keys = rng.sample_keys(config['seed'], 0, mode_coverage.SAMPLES)
    self._sample = jax.jit(game.sample)
    self._plane = plots.plane(real if source.modes is None else source.modes.centers)
    self._real, self._projected = self._plane(real[:_POINTS]), real.shape[1] > 2
    # A surface is of two coordinates; more of them are only projected.
    self._critic = jax.jit(game.critic) if game.critic and not self._projected else None
    self._lattice = plots.lattice(self._real)

  def __call__(self, state: TrainState) -> tuple[Make, dict[str, float]]:
    variables = next(iter(_weights(self._config, state).values()))
    samples = np.asarray(self._sample(variables, jax.random.clone(self._keys)))
    scores = self._scores(samples)
    heights = None if self._critic is None else np.asarray(self._critic(variables, self._lattice))
    title = f'step {int(state.step)}'
    if scores:
      title += (
        f'   modes {scores["modes/captured"]:.0f}/{len(self._modes.centers)}'
        f'   high quality {scores["modes/high_quality"]:.1%}'
        f'   reverse KL {scores["modes/reverse_kl"]:.3f}'
      )
    points = {'real': self._real, 'generated': self._plane(samples[:_POINTS])}
    make = functools.partial(plots.scatter, points, self._real, heights, title, self._projected)
    return make, scores

  def _scores(self, samples: np.ndarray) -> dict[str, float]:
    if self._modes is None:
      return {}
    found = self._modes.scores(samples)
    return {f'modes/{name}': float(value) for name, value in found.items()}


class Saver:
  """Draws pictures and saves them in a folder, in a thread beside training."""

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self._thread = futures.ThreadPoolExecutor(max_workers=1)
    self._last: futures.Future | None = None

  def save(self, step: int, make: Make) -> None:
    """Starts to draw the picture of a step, after waiting for the previous one.

    Raises:
      OSError: the previous picture could not be saved.
    """
    self.wait()
    path = self._folder / f'step_{step:08}.png'
    self._last = self._thread.submit(lambda: pixels.save_png(path, make()))

  def wait(self) -> None:
    """Waits until all pictures are saved.

    Raises:
      OSError: the last picture could not be saved.
    """
    last, self._last = self._last, None
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
