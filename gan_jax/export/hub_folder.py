"""A folder as model hubs expect it: a model card, the config, weights, functions, and samples."""

import json
import pathlib
import tempfile

import numpy as np

from gan_jax import modalities
from gan_jax.common import console, pixels
from gan_jax.common.errors import ConfigError
from gan_jax.export import card, safetensors, stablehlo
from gan_jax.export.model import Model
from gan_jax.storage import load_run

CONFIG = 'config.json'
WEIGHTS = 'model.safetensors'
FUNCTIONS = 'generator.stablehlo'
SAMPLES = 'samples.png'
CARD = 'README.md'


def check(path: pathlib.Path) -> None:
  """Raises ConfigError if the folder `path` is not empty, or if a package is missing."""
  if path.is_dir() and any(path.iterdir()):
    raise ConfigError(f'--out={path}: the folder is not empty (a new or empty one); choose another')
  stablehlo.check(path)
  safetensors.check(path)


def write(path: pathlib.Path, model: Model) -> list[pathlib.Path]:
  """Writes the folder of a model completely or not at all, and returns the paths of its files."""
  path.parent.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as parent:
    draft = pathlib.Path(parent) / 'draft'
    draft.mkdir()
    _fill(draft, model)
    draft.replace(path)
  return sorted(path.iterdir())


def _fill(folder: pathlib.Path, model: Model) -> None:
  (folder / CONFIG).write_text(json.dumps(model.config, indent=2) + '\n')
  safetensors.write(folder / WEIGHTS, model)
  functions = stablehlo.write(folder / FUNCTIONS, model)
  has_picture = _draw_samples(folder / SAMPLES, model)
  names = [function.name for function in functions]
  (folder / CARD).write_text(card.text(model, names, has_picture))


def _draw_samples(path: pathlib.Path, model: Model) -> bool:
  """Draws samples; returns False if their conditions need data that is not available."""
  try:
    given = model.read_conditions()
  except ConfigError as error:
    console.warn(f'{path.name} is left out: {error}')
    return False
  drawing = modalities.of_game(model.game, model.variables, model.condition).drawing
  batches = list(load_run.draw(model.game, model.variables, drawing.shown, 0, given))
  samples = np.concatenate(batches)
  if given:
    picture = modalities.compared(samples, given(0, len(samples)))
  else:
    picture = drawing.samples(samples, None)
  pixels.save_png(path, picture)
  return True
