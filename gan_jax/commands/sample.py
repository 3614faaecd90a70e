"""Draws samples from a run: python -m gan_jax.sample --workdir=runs/dcgan --num=64 --out=grid.png.

It needs the folder of the run and nothing else: no data, no experiment file.
"""

import itertools
import pathlib
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np
from absl import flags

from gan_jax import cli
from gan_jax.common import pixels, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run
from gan_jax.visualization import plots

GRID_LIMIT = 2500


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  flags.DEFINE_string('workdir', None, 'Folder of the run.', flag_values=values)
  flags.DEFINE_integer('num', 64, 'Number of samples.', flag_values=values)
  flags.DEFINE_integer(
    'seed', 0, 'Seed of the latents; sample i depends on the seed and i alone.', flag_values=values
  )
  flags.DEFINE_string(
    'out',
    'samples.png',
    'FILE.png: a grid, or a plot of points; FILE.npz: an array; FOLDER/: one PNG per image.',
    flag_values=values,
  )
  flags.DEFINE_string(
    'step', None, "Checkpoint: a step or 'best' (default: newest).", flag_values=values
  )
  flags.DEFINE_boolean(
    'ema',
    None,
    'Averaged or raw weights (default: averaged, if the run keeps an average).',
    flag_values=values,
  )
  cli.parse(values, argv, required=['workdir'])
  return values


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
      name = f'{place * load_run.BATCH + offset:0{digits}}.png'
      (path / name).write_bytes(pixels.png(image))


def _write_grid(path: pathlib.Path, batches: Iterator[np.ndarray], num: int) -> None:
  samples = np.concatenate(list(batches))
  if samples.ndim == 2:
    points = plots.plane(samples)(samples)
    pixels.save_png(path, plots.scatter({'generated': points}, points))
    return
  pixels.save_png(path, plots.grid(samples))


def _writer(out: str, num: int, seed: int):
  """How to write what --out names."""
  if num < 1 or not 0 <= seed < 2**32:
    raise ConfigError('--num must be at least 1, and --seed from 0 to 2**32 - 1')
  if out.endswith('/') or user_paths.expanded(out, '--out').is_dir():
    return write_folder
  if out.endswith('.npz'):
    return write_npz
  if not out.endswith('.png'):
    raise ConfigError(f'--out is {out!r}; it must end in .png, in .npz or, for a folder, in /')
  if num > GRID_LIMIT:
    raise ConfigError(f'--num: a grid holds {GRID_LIMIT} at most; write .npz or a folder with --out')
  return _write_grid


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  write = _writer(flag.out, flag.num, flag.seed)
  folder, out = user_paths.expanded(flag.workdir, '--workdir'), user_paths.expanded(flag.out, '--out')
  game, variables, step = load_run.load(folder, load_run.parse_step(flag.step), flag.ema)
  try:
    write(out, load_run.draw(game, variables, flag.num, flag.seed), flag.num)
  except OSError as error:
    raise ConfigError(f'--out: cannot write {out} ({error.strerror})') from error
  print(f'{out}: {flag.num} samples of step {step}, seed {flag.seed}')
  return 0
