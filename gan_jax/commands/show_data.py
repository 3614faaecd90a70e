"""Shows what a network will see.

python -m gan_jax show_data --config=experiments/dcgan.py --out=grid.png

The picture is of the first batch, and beside it as the discriminator sees it where its game augments
images. What is printed says how many examples there are, of what shape and range, and how many of each
label.
"""

import pathlib
from collections.abc import Sequence

import jax
import numpy as np
from absl import flags
from ml_collections import config_flags

from gan_jax import augment, cli
from gan_jax.common import lookup, pixels, rng, user_paths
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import Plain
from gan_jax.config import build, run_config, schema
from gan_jax.data import source as sources
from gan_jax.runtime import accelerators, devices
from gan_jax.visualization import plots

_BAR = 40


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  config_flags.DEFINE_config_file('config', None, 'The experiment, FILE[:preset].', flag_values=values)
  flags.DEFINE_string('out', 'data.png', 'The picture.', flag_values=values)
  flags.DEFINE_integer('num', 64, 'Number of examples shown.', flag_values=values)
  flags.mark_flag_as_required('config', values)
  cli.parse(values, argv)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  flag = _flags(argv)
  return show(schema.plain(flag.config), user_paths.expanded(flag.out, '--out'), flag.num)


def show(config: Plain, out: pathlib.Path, num: int) -> int:
  """Writes the picture and prints the facts; the exit code.

  Args:
    config: of an experiment.
    out: the PNG to write.
    num: examples in it.
  """
  if out.suffix != '.png':
    raise ConfigError(f'--out is {out}; it must end in .png')
  if num < 1:
    raise ConfigError(f'--num is {num}; it must be at least 1')
  devices.prepare()
  accelerators.check()
  schema.check(config, devices=1)
  source = build.make_source(run_config.parse(config).data)
  draws = -(-num // config['batch_size'])
  batches = [build.make_batch(source, config['batch_size'], draw) for draw in range(draws)]
  real = np.concatenate([batch['real'] for batch in batches])[:num]
  _tell(source, real)
  labels = _labels(source, batches)
  if labels is not None:
    _histogram(labels, source.classes)
  _save(out, _picture(config, real))
  print(f'picture: {out}')
  return 0


def _save(out: pathlib.Path, picture: np.ndarray) -> None:
  try:
    pixels.save_png(out, picture)
  except OSError as error:
    raise ConfigError(f'--out: cannot write {out} ({error.strerror})') from error


def _picture(config: Plain, real: np.ndarray) -> np.ndarray:
  if real.ndim == 4:
    shown = {'as read': real, **_augmented(config, real)}
    grids = {caption: plots.grid(pixels.to_bytes(images)) for caption, images in shown.items()}
    return plots.captioned(grids) if len(grids) > 1 else grids['as read']
  look = plots.plane(real)
  return plots.scatter({'real': look(real)}, look(real), projected=real.shape[1] > 2)


def _augmented(config: Plain, real: np.ndarray) -> dict[str, jax.Array]:
  """The same images as the discriminator of the first step sees them, if its game augments them."""
  with at('gan'):
    if not config['gan'].get('augment'):
      return {}
    augmentation = lookup.make(augment, config['gan']['augment'], augment.Augmentation)
    memory = augmentation.init_memory({'real': real})
    keys = rng.sample_keys(config['seed'], 0, len(real))
    return {'augmented': jax.jit(augmentation.apply)(real, keys, memory)}


def _tell(source: sources.Source, real: np.ndarray) -> None:
  print(f'data:    {source.about or "drawn afresh for every batch"}')
  print(f'split:   {source.split}')
  print(f'shape:   {" x ".join(map(str, real.shape[1:]))}, {real.dtype}')
  print(f'range:   {real.min():.3f} to {real.max():.3f}, mean {real.mean():.3f}, of {len(real)} shown')


def _labels(source: sources.Source, batches) -> np.ndarray | None:
  """All labels of a set, those of the batches of data drawn afresh, None where there are none."""
  if source.labels is not None:
    return source.labels
  return np.concatenate([b['label'] for b in batches]) if 'label' in batches[0] else None


def _histogram(labels: np.ndarray, classes: tuple[str, ...]) -> None:
  found, counts = np.unique(labels, return_counts=True)
  print(f'labels:  {len(found)} kinds in {len(labels):,} examples')
  named = [str(classes[label]) if classes else str(label) for label in found]
  width = max(map(len, named))
  for name, count in zip(named, counts, strict=True):
    print(f'  {name:{width}}  {count:>9,}  {"#" * round(_BAR * count / counts.max())}')
