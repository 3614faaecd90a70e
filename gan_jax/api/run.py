"""A run on disk: samples, scores, pictures and metrics of what was trained."""

import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from ml_collections import ConfigDict

from gan_jax import export
from gan_jax.api import evaluation, reports
from gan_jax.common import pixels, user_paths, validation
from gan_jax.common.errors import ConfigError
from gan_jax.game import Game, Variables
from gan_jax.runtime import jax_settings
from gan_jax.storage import load_run, metrics_log
from gan_jax.storage import workdir as run_folder
from gan_jax.visualization import interpolations, page
from gan_jax.visualization.page import curves


def load(workdir: str | os.PathLike) -> 'Run':
  """Returns the run in a folder.

  Raises:
    ConfigError: the folder has no run, or one of another version.

  Example:
    >>> import gan_jax
    >>> run = gan_jax.train('gan:ring-test', 'runs/ring')
    device: ...
    >>> gan_jax.load('runs/ring').sample(2).shape
    (2, 2)
  """
  folder = user_paths.expanded(os.fspath(workdir), 'workdir')
  run_folder.read_config(folder)
  return Run(folder)


class Run:
  """A trained run, or one that is being trained.

  Only its folder is read, and its data where a method needs it. Methods take a checkpoint by its
  `step`, by 'best', or None for the newest, and by `ema` averaged weights, raw weights, or None for
  averaged weights if there are any.

  Attributes:
    folder: the folder of the run.
  """

  def __init__(self, folder: pathlib.Path):
    """Names the folder of a run; nothing is read yet."""
    self.folder = folder

  def __repr__(self) -> str:
    return f'Run({str(self.folder)!r})'

  def _repr_png_(self) -> bytes | None:
    """Returns the newest picture, which a notebook shows for a run."""
    pictures = self.samples
    return pictures[max(pictures)].read_bytes() if pictures else None

  @property
  def config(self) -> ConfigDict:
    """The config of the run."""
    return ConfigDict(run_folder.read_config(self.folder))

  @property
  def samples(self) -> dict[int, pathlib.Path]:
    """The pictures that training saved, {step: PNG file}."""
    files = sorted((self.folder / run_folder.SAMPLES).glob('step_*.png'))
    return {int(file.stem.removeprefix('step_')): file for file in files}

  @property
  def metrics(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The logged metrics: {name: (steps, values)}, float64 [n] each, to be plotted as they are.

    Values that are not finite are left out.
    """
    return curves.collected(page.read_lines(self.folder / metrics_log.METRICS))

  @property
  def step(self) -> int:
    """The step of the newest checkpoint."""
    return self.load()[2]

  def load(
    self, *, step: int | str | None = None, ema: bool | None = None
  ) -> tuple[Game, Variables, int]:
    """Returns the game, its variables at a checkpoint, and the step of the checkpoint.

    Raises:
      ConfigError: the checkpoint or the average does not exist.
    """
    with jax_settings.fixed():
      return load_run.load(self.folder, step, ema)

  def draw(
    self, num: int, seed: int = 0, *, step: int | str | None = None, ema: bool | None = None
  ) -> Iterator[np.ndarray]:
    """Generates the samples of `sample` in batches, for more than fit into memory."""
    _check_seed(seed)
    game, variables, _ = self.load(step=step, ema=ema)
    return load_run.draw(game, variables, num, seed)

  def sample(
    self, num: int, seed: int = 0, *, step: int | str | None = None, ema: bool | None = None
  ) -> np.ndarray:
    """Generates samples; sample i depends only on the checkpoint, the seed and i.

    Args:
      num: the number of samples.
      seed: of the latents, from 0 to 2**32 - 1.
      step, ema: the checkpoint and its weights.

    Returns:
      Images, uint8 [num, height, width, channels], or points, float32 [num, D].

    Raises:
      ConfigError: no such checkpoint, or a number out of range.
    """
    if not validation.is_whole(num, 1):
      raise ConfigError(f'num={num!r}: out of range (a whole number of at least 1); change num')
    return np.concatenate(list(self.draw(num, seed, step=step, ema=ema)))

  def interpolate(
    self,
    num: int = 8,
    steps: int = 10,
    seed: int = 0,
    *,
    step: int | str | None = None,
    ema: bool | None = None,
  ) -> np.ndarray:
    """Generates samples along the arcs between the latents of pairs of samples.

    Args:
      num: the number of pairs.
      steps: samples on each arc, its ends included.
      seed: of the latents. Row i goes from sample i of this seed to sample num + i.
      step, ema: the checkpoint and its weights.

    Returns:
      Images, uint8 [num, steps, height, width, channels], or points, float32 [num, steps, D].

    Raises:
      ConfigError: the game has no latents, or a number is out of range.
    """
    _check_seed(seed)
    for name, value, least in (('num', num, 1), ('steps', steps, 2)):
      if not validation.is_whole(value, least):
        raise ConfigError(
          f'{name}={value!r}: out of range (a whole number of at least {least}); change {name}'
        )
    game, variables, _ = self.load(step=step, ema=ema)
    if game.latents is None or game.generate is None:
      raise ConfigError(f'workdir={self.folder}: this game has no latents; use sample instead')
    with jax_settings.fixed():
      arcs = np.asarray(interpolations.paths(game, variables, seed, steps, num))
    return pixels.to_bytes(arcs) if arcs.ndim > 3 else arcs

  def evaluate(
    self,
    features: str | None = None,
    scores: Sequence[str] = (),
    num: int = 10_000,
    seed: int = 0,
    *,
    step: int | str | None = None,
    ema: bool | None = None,
    data: str | None = None,
  ) -> dict[str, float | None]:
    """Scores samples against the data, and adds the result to scores.jsonl in the folder.

    Args:
      features: the feature network; None for the one of the run's config.
      scores: names of scores; empty for all that apply.
      num: the number of samples.
      seed: of their latents.
      step, ema: the checkpoint and its weights.
      data: the place of the images, 'folder:PATH', if they have moved.

    Returns:
      {metric: value}; None for a metric that the protocol cannot give.

    Raises:
      ConfigError: an unknown name, a number out of range, or data that cannot be read.
    """
    values, _ = evaluation.evaluate_run(
      self.folder, features=features, scores=scores, num=num, seed=seed, step=step, ema=ema, data=data
    )
    return values

  def report(
    self, seed: int = 0, *, step: int | str | None = None, data: str | None = None
  ) -> pathlib.Path:
    """Writes the page of the run, report.html, and returns its path.

    Args:
      seed: of the samples shown.
      step: the checkpoint.
      data: the place of the images, 'folder:PATH', if they have moved.
    """
    path, _ = reports.write_report(self.folder, seed=seed, step=step, data=data)
    return path

  def export(
    self, out: str | os.PathLike, *, step: int | str | None = None, ema: bool | None = None
  ) -> list[pathlib.Path]:
    """Exports the generator for other programs, and returns the paths of the files.

    Args:
      out: FILE.safetensors, FILE.stablehlo, or FOLDER/, see `gan_jax.export.write`.
      step, ema: the checkpoint and its weights.

    Raises:
      ConfigError: no such checkpoint, another kind of output, or a package is missing.
    """
    paths, _ = export.write(self.folder, out, step, ema)
    return paths


def _check_seed(seed: int) -> None:
  if not validation.is_whole(seed, 0) or seed >= 2**32:
    raise ConfigError(f'seed={seed!r}: out of range (a whole number from 0 to 2**32 - 1); change seed')
