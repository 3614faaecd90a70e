"""The picture of a training state: a grid of images, or points with the discriminator's surface."""

import io
import pathlib
from collections.abc import Callable

import jax
import numpy as np
from PIL import Image

from gan_jax import build, data, drawing, latents
from gan_jax.config import Plain
from gan_jax.game import Game, Variables
from gan_jax.metrics import modes
from gan_jax.train import TrainState, averaged

Drawn = tuple[np.ndarray, dict[str, float]]
Draw = Callable[[TrainState], Drawn]
"""A state -> its picture, uint8 [height, width, 3], and what was measured on the way."""

_IMAGES, _POINTS = 64, 1000
_FRAMES, _FRAME_MILLISECONDS = 100, 200


def drawer(config: Plain, game: Game, source: data.Source) -> Draw:
  """How to draw the states of a run: samples are from the same latents every time.

  Images are drawn side by side, of averaged weights and of raw ones. Points are drawn over real ones
  and over the discriminator's output; those of a mixture are scored, see `metrics.modes`.
  """
  real = build.batch(config, source)['real']
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
    self._keys = latents.sample_keys(config['seed'], 0, _IMAGES)

  def __call__(self, state: TrainState) -> Drawn:
    grids = {
      caption: drawing.grid(drawing.to_bytes(self._sample(variables, self._keys)))
      for caption, variables in _weights(self._config, state).items()
    }
    return drawing.captioned(grids), {}


class _Points:
  def __init__(self, config: Plain, game: Game, source: data.Source, real: np.ndarray):
    self._config, self._modes, self._real = config, source.modes, real
    self._keys = latents.sample_keys(config['seed'], 0, modes.SAMPLES)
    self._sample = jax.jit(game.sample)
    self._plane = drawing.plane(real if source.modes is None else source.modes.centers)
    # A surface is of two coordinates; more of them are only projected.
    self._score = jax.jit(game.score) if game.score and real.shape[1] == 2 else None

  def __call__(self, state: TrainState) -> Drawn:
    variables = next(iter(_weights(self._config, state).values()))
    samples = np.asarray(self._sample(variables, self._keys))
    scores = self._scores(samples)
    surface = self._score and (lambda points: np.asarray(self._score(variables, points)))
    title = f'step {int(state.step)}'
    if scores:
      title += (
        f'   modes {scores["modes/captured"]:.0f}/{len(self._modes.centers)}'
        f'   high quality {scores["modes/high_quality"]:.1%}'
        f'   reverse KL {scores["modes/reverse_kl"]:.3f}'
      )
    real, fake = self._plane(self._real[:_POINTS]), self._plane(samples[:_POINTS])
    projected = self._real.shape[1] > 2
    drawn = {'real': real, 'generated': fake}
    return drawing.scatter(drawn, real, surface, title, projected), scores

  def _scores(self, samples: np.ndarray) -> dict[str, float]:
    if self._modes is None:
      return {}
    found = self._modes.scores(samples)
    return {f'modes/{name}': float(value) for name, value in found.items()}


def animate(folder: pathlib.Path) -> bytes | None:
  """The pictures of a run as an animated GIF, at most a hundred of them; None of fewer than two."""
  paths = sorted(folder.glob('step_*.png'))
  if len(paths) < 2:
    return None
  chosen = sorted({round(i) for i in np.linspace(0, len(paths) - 1, min(len(paths), _FRAMES))})
  frames = [Image.open(paths[i]).convert('RGB') for i in chosen]
  buffer = io.BytesIO()
  times = [_FRAME_MILLISECONDS] * (len(frames) - 1) + [5 * _FRAME_MILLISECONDS]
  frames[0].save(buffer, 'GIF', save_all=True, append_images=frames[1:], duration=times, loop=0)
  return buffer.getvalue()
