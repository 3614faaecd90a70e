"""Shows what a network will see.

python -m gan_jax.data.show --config=experiments/dcgan.py --out=grid.png

The picture is of the first batch, and beside it as the discriminator sees it where its game augments
images. What is printed says how many examples there are, of what shape and range, and how many of each
label.
"""

import pathlib

import jax
import numpy as np
from absl import flags
from ml_collections import config_flags

from gan_jax import (
  accelerators,
  augmentations,
  build,
  cli,
  data,
  drawing,
  homes,
  latents,
  names,
  parallel,
)
from gan_jax import config as configs
from gan_jax.errors import ConfigError, at

_BAR = 40


def main(config: configs.Plain, out: pathlib.Path, num: int) -> int:
  """Runs the command; the exit code.

  Args:
    config: of an experiment.
    out: the PNG to write.
    num: examples in it.
  """
  if out.suffix != '.png':
    raise ConfigError(f'--out is {out}; it must end in .png')
  if num < 1:
    raise ConfigError(f'--num is {num}; it must be at least 1')
  parallel.prepare()
  accelerators.check()
  configs.check(config, devices=1)
  source = build.source(config)
  draws = -(-num // config['batch_size'])
  batches = [build.batch(config, source, draw) for draw in range(draws)]
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
    drawing.save_png(out, picture)
  except OSError as error:
    raise ConfigError(f'--out: cannot write {out} ({error.strerror})') from error


def _picture(config: configs.Plain, real: np.ndarray) -> np.ndarray:
  if real.ndim == 4:
    shown = {'as read': real, **_augmented(config, real)}
    grids = {caption: drawing.grid(drawing.to_bytes(images)) for caption, images in shown.items()}
    return drawing.captioned(grids) if len(grids) > 1 else grids['as read']
  look = drawing.plane(real)
  return drawing.scatter({'real': look(real)}, look(real), projected=real.shape[1] > 2)


def _augmented(config: configs.Plain, real: np.ndarray) -> dict[str, jax.Array]:
  """The same images as the discriminator of the first step sees them, if its game augments them."""
  with at('gan'):
    if not config['gan'].get('augment'):
      return {}
    augmentation = names.make(augmentations, config['gan']['augment'], augmentations.Augmentation)
    memory = augmentation.init_memory({'real': real})
    keys = latents.sample_keys(config['seed'], 0, len(real))
    return {'augmented': jax.jit(augmentation.apply)(real, keys, memory)}


def _tell(source: data.Source, real: np.ndarray) -> None:
  print(f'data:    {source.about or "drawn afresh for every batch"}')
  print(f'split:   {source.split}')
  print(f'shape:   {" x ".join(map(str, real.shape[1:]))}, {real.dtype}')
  print(f'range:   {real.min():.3f} to {real.max():.3f}, mean {real.mean():.3f}, of {len(real)} shown')


def _labels(source: data.Source, batches) -> np.ndarray | None:
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


if __name__ == '__main__':
  # Defined here, for a source is looked up by importing all that is beside it.
  _CONFIG = config_flags.DEFINE_config_file('config', None, 'The experiment, FILE[:preset].')
  _OUT = flags.DEFINE_string('out', 'data.png', 'The picture.')
  _NUM = flags.DEFINE_integer('num', 64, 'Examples in it.')
  flags.mark_flag_as_required('config')
  cli.run(lambda: main(configs.plain(_CONFIG.value), homes.expanded(_OUT.value, '--out'), _NUM.value))
