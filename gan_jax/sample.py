"""Draws samples from a run: python -m gan_jax.sample --workdir=runs/dcgan --num=64 --out=grid.png.

It needs the folder of the run and nothing else: no data, no experiment file.
"""

import itertools
import pathlib
import zipfile
from collections.abc import Iterator

import numpy as np
from absl import flags

from gan_jax import accelerators, cli, drawing, homes, parallel, trained
from gan_jax.errors import ConfigError

GRID_LIMIT = 2500

_WORKDIR = flags.DEFINE_string('workdir', None, 'The folder of the run.', required=True)
_NUM = flags.DEFINE_integer('num', 64, 'How many samples.')
_SEED = flags.DEFINE_integer('seed', 0, 'Sample i is a function of the seed and of i.')
_OUT = flags.DEFINE_string(
  'out',
  'samples.png',
  'FILE.png: a grid, or a plot of points; FILE.npz: an array; FOLDER/: a PNG an image.',
)
_STEP = flags.DEFINE_string('step', None, 'Of which checkpoint, a step or best; else the newest.')
_EMA = flags.DEFINE_boolean(
  'ema', None, 'Averaged weights or raw ones; by default averaged, where the run keeps an average.'
)


def write_npz(path: pathlib.Path, batches: Iterator[np.ndarray], num: int) -> None:
  """Writes batches one after the other into an .npz file: 'images' or 'points' [num, ...]."""
  draft = path.with_name(f'.{path.name}.draft')
  first = next(batches)
  name = 'points' if first.ndim == 2 else 'images'
  with (
    zipfile.ZipFile(draft, 'w') as archive,
    archive.open(f'{name}.npy', 'w', force_zip64=True) as f,
  ):
    kind = np.lib.format.dtype_to_descr(first.dtype)
    header = {'descr': kind, 'fortran_order': False, 'shape': (num, *first.shape[1:])}
    np.lib.format.write_array_header_1_0(f, header)
    for batch in itertools.chain([first], batches):
      f.write(batch.tobytes())
  draft.replace(path)


def write_folder(path: pathlib.Path, batches: Iterator[np.ndarray], num: int) -> None:
  """Writes each image as a PNG, 000000.png and so on."""
  first = next(batches)
  if first.ndim == 2:
    raise ConfigError('--out: points are no pictures; choose a .npz or, for a plot, a .png')
  path.mkdir(parents=True, exist_ok=True)
  if any(path.iterdir()):
    raise ConfigError(f'--out: the folder {path} is not empty; choose another')
  digits = max(6, len(str(num - 1)))
  for place, images in enumerate(itertools.chain([first], batches)):
    for offset, image in enumerate(images):
      name = f'{place * trained.BATCH + offset:0{digits}}.png'
      (path / name).write_bytes(drawing.png(image))


def _write_grid(path: pathlib.Path, batches: Iterator[np.ndarray], num: int) -> None:
  samples = np.concatenate(list(batches))
  if samples.ndim == 2:
    points = drawing.plane(samples)(samples)
    drawing.save_png(path, drawing.scatter({'generated': points}, points))
    return
  drawing.save_png(path, drawing.grid(samples))


def _writer():
  """How to write what --out names."""
  out, num = _OUT.value, _NUM.value
  if num < 1 or not 0 <= _SEED.value < 2**32:
    raise ConfigError('--num must be at least 1, and --seed from 0 to 2**32 - 1')
  if out.endswith('/') or homes.expanded(out, '--out').is_dir():
    return write_folder
  if out.endswith('.npz'):
    return write_npz
  if not out.endswith('.png'):
    raise ConfigError(f'--out is {out!r}; it must end in .png, in .npz or, for a folder, in /')
  if num > GRID_LIMIT:
    raise ConfigError(f'--num: a grid holds {GRID_LIMIT} at most; write .npz or a folder with --out')
  return _write_grid


def main() -> int:
  """Runs the command; the exit code."""
  parallel.prepare()
  accelerators.check()
  write = _writer()
  folder, out = homes.expanded(_WORKDIR.value, '--workdir'), homes.expanded(_OUT.value, '--out')
  game, variables, step = trained.load(folder, trained.parse_step(_STEP.value), _EMA.value)
  try:
    write(out, trained.draw(game, variables, _NUM.value, _SEED.value), _NUM.value)
  except OSError as error:
    raise ConfigError(f'--out: cannot write {out} ({error.strerror})') from error
  print(f'{out}: {_NUM.value} samples of step {step}, seed {_SEED.value}')
  return 0


if __name__ == '__main__':
  cli.run(main)
