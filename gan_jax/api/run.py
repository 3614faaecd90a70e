"""A run on disk: samples, scores, pictures and metrics of what was trained."""

import functools
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from ml_collections import ConfigDict

from gan_jax import export, modalities
from gan_jax.api import evaluation, reports
from gan_jax.common import user_paths, validation
from gan_jax.common.errors import ConfigError
from gan_jax.config import run_config
from gan_jax.evaluation import evaluator
from gan_jax.game import Game, Variables, check_truncation
from gan_jax.runtime import jax_settings
from gan_jax.storage import batch_file, load_run, metrics_log, sample_sources
from gan_jax.storage import workdir as run_folder
from gan_jax.storage.sample_labels import Label
from gan_jax.storage.sample_sources import RunData, Source
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


class StoredRun:
  """A run on disk at one of its checkpoints: its files, and its weights.

  Attributes:
    folder: the folder of the run.
    checkpoint: a step, 'best', or None for the newest.
    ema: True for averaged weights, False for raw ones, None for averaged weights if there are any.
    data: the place of the images, 'folder:PATH', if they have moved since training.
  """

  def __init__(
    self,
    folder: pathlib.Path,
    checkpoint: int | str | None = None,
    ema: bool | None = None,
    data: str | None = None,
  ):
    """Names a checkpoint of a run; nothing is read yet."""
    self.folder = folder
    self.checkpoint = checkpoint
    self.ema = ema
    self.data = data

  def __repr__(self) -> str:
    return f'Run({str(self.folder)!r}, {self.checkpoint!r})'

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

  def load(self) -> tuple[Game, Variables, int]:
    """Returns the game, its variables, and the step of the checkpoint."""
    with jax_settings.fixed():
      return load_run.load(self.folder, self.checkpoint, self.ema)

  @property
  def step(self) -> int:
    """The step of the checkpoint."""
    return self.load()[2]

  def source_data(self) -> RunData:
    """Returns the data of which samples may be asked, see `sample_sources.find`; nothing is read."""
    config = load_run.with_data(run_folder.read_config(self.folder), self.data)
    batch = functools.partial(batch_file.read, self.folder)
    return RunData(run_config.parse(config).data, batch, run_folder.class_names(self.folder))

  def draw(
    self,
    num: int,
    seed: int = 0,
    label: Label = None,
    source: Source = None,
    truncation: float | None = None,
  ) -> Iterator[np.ndarray]:
    """Generates the samples of `sample` in batches, for more than fit into memory."""
    validation.check_size('num', num)
    evaluator.check_seed(seed)
    game, variables, _ = self.load()
    given = sample_sources.asked(self.source_data(), game, num, label, source)
    check_truncation(game, truncation)
    return load_run.draw(game, variables, num, seed, given, truncation)


class Run(StoredRun):
  """A trained run at a checkpoint, or one that is being trained.

  Only its folder is read, and its data where a method needs it. All methods raise ConfigError if the
  checkpoint does not exist, or an argument is out of range.
  """

  def at(self, checkpoint: int | str | None = None, ema: bool | None = None) -> 'Run':
    """Returns this run at another checkpoint, or with other weights."""
    return Run(self.folder, checkpoint, ema, self.data)

  def sample(
    self,
    num: int,
    seed: int = 0,
    label: Label = None,
    source: Source = None,
    truncation: float | None = None,
  ) -> np.ndarray:
    """Generates images, uint8 [num, height, width, channels], or points, float32 [num, D].

    Sample i depends only on the checkpoint, the seed from 0 to 2**32 - 1, i, and its condition. For a
    game conditioned on labels, `label` is the number or the name of one. Several labels get equal
    numbers of samples. Weights of the classes, float [num, classes], interpolate. Without it the game
    draws labels.

    `truncation` bounds the absolute value of normal latents, in standard deviations (Brock et al. 2019,
    arXiv:1809.11096, section 3.1). Samples are then less varied, and more often of high quality.

    A game conditioned on images needs a `source`: a folder of images, a zip archive, an image file, an
    array of images, or 'held-out' for examples that training did not see. Sample i has image i, and
    after the last one all are repeated.
    """
    return np.concatenate(list(self.draw(num, seed, label, source, truncation)))

  def interpolate(
    self,
    num: int = 8,
    steps: int = 10,
    seed: int = 0,
    label: Label = None,
    source: Source = None,
  ) -> np.ndarray:
    """Generates samples along arcs between latents, [num, steps, ...] of the type of `sample`.

    Row i goes from sample i of this seed to sample num + i, both included. Its condition is the i-th of
    `label` or `source`, see `sample`. Without a label it is i modulo the number of labels.
    """
    return interpolated(self, num, steps, seed, label, source)

  def evaluate(
    self,
    features: str | None = None,
    scores: Sequence[str] = (),
    num: int = 10_000,
    seed: int = 0,
    truncation: float | None = None,
  ) -> dict[str, float | None]:
    """Scores samples against the data, see `evaluate_run`; None for a score that is not defined."""
    values, _ = evaluation.evaluate_run(
      self.folder,
      step=self.checkpoint,
      ema=self.ema,
      data=self.data,
      features=features,
      scores=scores,
      num=num,
      seed=seed,
      truncation=truncation,
    )
    return values

  def report(self, seed: int = 0) -> pathlib.Path:
    """Writes report.html, the page of the run with samples of this seed, and returns its path."""
    path, _ = reports.write_report(self.folder, seed=seed, step=self.checkpoint, data=self.data)
    return path

  def export(self, out: str | os.PathLike) -> list[pathlib.Path]:
    """Exports the generator for other programs, see `gan_jax.export.write`; returns the files."""
    paths, _ = export.write(self.folder, out, self.checkpoint, self.ema)
    return paths


def interpolated(run: Run, num: int, steps: int, seed: int, label: Label, source: Source) -> np.ndarray:
  """Generates the samples of `Run.interpolate`.

  Raises:
    ConfigError: the game has no latents, or a number is out of range.
  """
  validation.check_size('num', num)
  validation.check_size('steps', steps, least=2)
  evaluator.check_seed(seed)
  game, variables, _ = run.load()
  if game.latents is None or game.generate is None:
    raise ConfigError(f'workdir={run.folder}: this game has no latents; use sample instead')
  given = sample_sources.asked(run.source_data(), game, num, label, source)
  with jax_settings.fixed():
    condition = given(0, num) if given else None
    arcs = np.asarray(interpolations.paths(game, variables, seed, steps, num, condition))
  return modalities.of_shape(arcs.shape[1:]).storage.from_outputs(arcs)
