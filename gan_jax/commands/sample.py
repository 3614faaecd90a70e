"""Generates samples of a run.

    python -m gan_jax.sample --workdir=runs/dcgan --num=64 --out=grid.png
    python -m gan_jax.sample --workdir=runs/digits --label=0,1,2 --out=digits.png
    python -m gan_jax.sample --workdir=runs/maps --source=photos/ --out=maps/

It needs only the folder of the run, neither the experiment file nor the data. Only --source=held-out
reads the data.
"""

import functools
import itertools
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from absl import flags

from gan_jax import cli, modalities
from gan_jax.api.run import Run
from gan_jax.common import pixels, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.game import Game, check_truncation
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run, sample_labels, sample_sources, workdir
from gan_jax.storage.sample_sources import SourceExamples

GRID_LIMIT = 2500
_SHOWN = 64


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  about_num = (
    'Number of samples (default: 64, or 8 for each of several labels, or one for each source; in a '
    'grid at most 64 sources).'
  )
  cli.define_sampling_flags(values, None, about_num)
  flags.DEFINE_string(
    'label',
    None,
    'Label of the samples, its number or its name, for a game conditioned on labels; several, as in '
    '0,1,2, get one row each.',
    flag_values=values,
  )
  cli.define_truncation_flag(values)
  flags.DEFINE_string(
    'source',
    None,
    'Sources of the samples, for a game conditioned on images: a folder, a zip archive, an image, or '
    f'{sample_sources.HELD_OUT} for examples that training never saw. Sample i has source i.',
    flag_values=values,
  )
  flags.DEFINE_string('data', None, load_run.DATA_HELP, flag_values=values)
  flags.DEFINE_string(
    'out',
    'samples.png',
    'FILE.png: a grid, beside the sources if there are any, or a plot of points; FILE.npz: an array; '
    'FOLDER/: one PNG per image, with the name of its source if that is a file.',
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


def write_folder(
  path: pathlib.Path, batches: Iterator[np.ndarray], num: int, sources: Sequence[str] = ()
) -> None:
  """Writes each image to a PNG file: 000000.png, ..., or 000000_SOURCE.png with names of sources."""
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
      index = batch_index * load_run.BATCH + offset
      source = f'_{sources[index % len(sources)]}' if sources else ''
      (path / f'{index:0{digits}}{source}{file.suffix}').write_bytes(file.encode(sample))


def _write_grid(path: pathlib.Path, batches: Iterator[np.ndarray], num: int, rows: int = 1) -> None:
  """Draws samples; several rows have one label each."""
  samples = np.concatenate(list(batches))
  columns = num // rows if rows > 1 else None
  pixels.save_png(path, modalities.of_shape(samples.shape).drawing.samples(samples, columns))


def _write_comparison(
  game: Game, examples: SourceExamples, path: pathlib.Path, batches: Iterator[np.ndarray], num: int
) -> None:
  """Draws the sources, the samples, and the targets if they are known."""
  samples = np.concatenate(list(batches))
  sources = examples.conditions(game)(0, num)
  pixels.save_png(path, modalities.compared(samples, sources, examples.targets(num)))


def _kind(out: str) -> str:
  """Returns the kind of output that --out names: '/' for a folder, '.npz' or '.png'."""
  if out.endswith('/') or user_paths.expanded(out, '--out').is_dir():
    return '/'
  for suffix in ('.npz', '.png'):
    if out.endswith(suffix):
      return suffix
  raise ConfigError(
    f'--out={out}: unknown kind of output (FILE.png, FILE.npz, or FOLDER/); change --out'
  )


def _check(kind: str, num: int, seed: int) -> None:
  """Raises ConfigError if a number is out of its range."""
  if num < 1:
    raise ConfigError(f'--num={num}: out of range (at least 1); change --num')
  if not 0 <= seed < 2**32:
    raise ConfigError(f'--seed={seed}: out of range (0 to 2**32 - 1); change --seed')
  if kind == '.png' and num > GRID_LIMIT:
    raise ConfigError(
      f'--num={num}: too many for a grid (at most {GRID_LIMIT}); write FILE.npz or FOLDER/ with --out'
    )


def _num_of(examples: SourceExamples, kind: str) -> int:
  """Returns the number of samples if --num does not say it: one of each example, few in a grid."""
  if examples.num is None:
    return _SHOWN
  return min(examples.num, _SHOWN) if kind == '.png' else examples.num


def _writer(
  kind: str, game: Game, examples: SourceExamples | None, labels: Sequence[int] | None
) -> Callable[[pathlib.Path, Iterator[np.ndarray], int], None]:
  """Returns the function (path, batches, number of samples) that writes a kind of output."""
  if kind == '/':
    return functools.partial(write_folder, sources=examples.names if examples else ())
  if kind == '.npz':
    return write_npz
  if examples:
    return functools.partial(_write_comparison, game, examples)
  return functools.partial(_write_grid, rows=len(labels) if labels else 1)


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  folder, out = user_paths.expanded(flag.workdir, '--workdir'), user_paths.expanded(flag.out, '--out')
  labels = sample_labels.parse(flag.label, workdir.class_names(folder))
  kind = _kind(flag.out)
  num = sample_labels.count(flag.num, labels, default=_SHOWN)
  _check(kind, num, flag.seed)
  run = Run(folder, load_run.parse_step(flag.step), flag.ema, flag.data)
  game, variables, step = run.load()
  sample_labels.check_game(game, labels, '--label')
  check_truncation(game, flag.truncation, '--truncation')
  examples = sample_sources.find(run.source_data(), game, flag.source, '--source')
  if examples and flag.num is None:
    num = _num_of(examples, kind)
  of_samples = sample_labels.of_samples(game, labels, num, '--label')
  given = sample_sources.conditions(game, examples, of_samples)
  write = _writer(kind, game, examples, labels)
  try:
    write(out, load_run.draw(game, variables, num, flag.seed, given, flag.truncation), num)
  except OSError as error:
    raise ConfigError(
      f'--out={out}: cannot write to it ({error.strerror}); choose another path'
    ) from error
  print(f'{out}: {num:,} samples of step {step}, seed {flag.seed}')
  return 0
