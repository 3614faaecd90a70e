"""The picture of a training state: a grid of images, or points over the discriminator's output."""

import io
import pathlib
from collections.abc import Callable, Mapping
from concurrent import futures

import jax
import numpy as np
from PIL import Image

from gan_jax import modalities
from gan_jax.common import pixels
from gan_jax.data import source as sources
from gan_jax.game import Game, Variables
from gan_jax.modalities import Make
from gan_jax.training.state import TrainState, averaged

Draw = Callable[[TrainState], tuple[Make, dict[str, float]]]
"""Maps a state to a function that draws its picture, and to metrics of its samples."""

_FRAMES, _FRAME_MILLISECONDS = 100, 200


def drawer(
  game: Game, source: sources.Source, batch: Mapping[str, jax.Array], seed: int, averages: bool
) -> Draw:
  """Returns the function that draws the states of a run, with samples of the same latents every time.

  Images are drawn side by side, of averaged weights and of raw ones. Points are drawn over real ones
  and over the discriminator's output; those of a mixture are scored, see `mode_coverage`.

  Args:
    game: the game of the run.
    source: its data.
    batch: a batch of the data, for points and for the conditions of samples.
    seed: of the latents.
    averages: whether averaged weights are drawn: images of both, points of averaged weights alone.
  """
  drawing = modalities.of_shape(batch['real'].shape).drawing
  draw = drawing.training(game, batch, source.modes, seed)
  return lambda state: draw(_weights(averages, state), int(state.step))


def _weights(averages: bool, state: TrainState) -> dict[str, Variables]:
  """The variables of a state that are drawn, by their captions."""
  raw = {'raw weights': state.variables}
  if not averages:
    return raw
  return {'averaged weights (EMA)': averaged(state.variables, state.ema), **raw}


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
