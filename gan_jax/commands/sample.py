"""Generates samples of a run: python -m gan_jax.sample --workdir=runs/dcgan --num=64 --out=grid.png.

It needs only the folder of the run, neither data nor the experiment file.
"""

import functools
import itertools
import pathlib
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np
from absl import flags

from gan_jax import cli, modalities
from gan_jax.api.run import Run
from gan_jax.common import pixels, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.game import check_truncation
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run, sample_labels

GRID_LIMIT = 2500


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  about_num = 'Number of samples (default: 64, or 8 for each of several labels).'
  cli.define_sampling_flags(values, None, about_num)
  flags.DEFINE_string(
    'label',
    None,
    'Label of the samples, for a game conditioned on labels; several, as in 0,1,2, get one row each.',
    flag_values=values,
  )
  flags.DEFINE_float(
    'truncation',
    None,
    'Largest absolute value of normal latents, in standard deviations, e.g. 0.5 (default: no bound).',
    flag_values=values,
  )
  flags.DEFINE_string(
    'out',
    'samples.png',
    'FILE.png: a grid, or a plot of points; FILE.npz: an array; FOLDER/: one PNG per image.',
    flag_values=values,
  )
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['workdir'])
  return values


def write_npz(path: pathlib.Path, batches: Iterator[np.ndarray], num: int) -> None:
  """Writes batches to an .npz file with one array, 'images' or 'points' [num, ...]."""
  draft = path.with_name(f'.{path.name}.draft')
  first = next(batches)
  name = modalities.of_shape(first.shape).name
  with (
    zipfile.ZipFile(draft, 'w') as archive,
    archive.open(f'{name}.npy', 'w', force_zip64=True) as file,
  ):
    dtype = np.lib.format.dtype_to_descr(first.dtype)
    header = {'descr': dtype, 'fortran_order': False, 'shape': (num, *first.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)
    for batch in itertools.chain([first], batches):
      file.write(batch.tobytes())
  draft.replace(path)


def write_folder(path: pathlib.Path, batches: Iterator[np.ndarray], num: int) -> None:
  """Writes each image to a PNG file: 000000.png, 000001.png, ..."""
  first = next(batches)
  modality = modalities.of_shape(first.shape)
  file = modality.storage.file
  if file is None:
    raise ConfigError(
      f'--out={path}/: this run generates {modality.name}, not images; write FILE.npz, or FILE.png for '
      'a plot'
    )
  path.mkdir(parents=True, exist_ok=True)
  if any(path.iterdir()):
    raise ConfigError(f'--out={path}: the folder is not empty; choose another')
  digits = max(6, len(str(num - 1)))
  for batch_index, samples in enumerate(itertools.chain([first], batches)):
    for offset, sample in enumerate(samples):
      name = f'{batch_index * load_run.BATCH + offset:0{digits}}{file.suffix}'
      (path / name).write_bytes(file.encode(sample))


def _write_grid(
  path: pathlib.Path, batches: Iterator[np.ndarray], num: int, columns: int | None = None
) -> None:
  samples = np.concatenate(list(batches))
  pixels.save_png(path, modalities.of_shape(samples.shape).drawing.samples(samples, columns))


def _writer(out: str, num: int, seed: int, labels: Sequence[int] | None):
  """Returns the function that writes the kind of output that --out names."""
  if num < 1:
    raise ConfigError(f'--num={num}: out of range (at least 1); change --num')
  if not 0 <= seed < 2**32:
    raise ConfigError(f'--seed={seed}: out of range (0 to 2**32 - 1); change --seed')
  if out.endswith('/') or user_paths.expanded(out, '--out').is_dir():
    return write_folder
  if out.endswith('.npz'):
    return write_npz
  if not out.endswith('.png'):
    raise ConfigError(
      f'--out={out}: unknown kind of output (FILE.png, FILE.npz, or FOLDER/); change --out'
    )
  if num > GRID_LIMIT:
    raise ConfigError(
      f'--num={num}: too many for a grid (at most {GRID_LIMIT}); write FILE.npz or FOLDER/ with --out'
    )
  columns = num // len(labels) if labels and len(labels) > 1 else None
  return functools.partial(_write_grid, columns=columns)


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  labels = sample_labels.parse(flag.label)
  num = sample_labels.count(flag.num, labels, default=64)
  write = _writer(flag.out, num, flag.seed, labels)
  folder, out = user_paths.expanded(flag.workdir, '--workdir'), user_paths.expanded(flag.out, '--out')
  game, variables, step = Run(folder, load_run.parse_step(flag.step), flag.ema).load()
  condition = sample_labels.of_samples(game, labels, num, '--label')
  check_truncation(game, flag.truncation, '--truncation')
  try:
    write(out, load_run.draw(game, variables, num, flag.seed, condition, flag.truncation), num)
  except OSError as error:
    raise ConfigError(
      f'--out={out}: cannot write to it ({error.strerror}); choose another path'
    ) from error
  print(f'{out}: {num} samples of step {step}, seed {flag.seed}')
  return 0
