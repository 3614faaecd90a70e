"""Shows the input of the networks.

gan-jax show_data --config=dcgan --out=grid.png

The image shows the first examples and, if the game augments images, the same examples as the
discriminator sees them. The command also prints the number of examples, their shape and range, and the
number of examples per label.
"""

import pathlib
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from absl import flags

from gan_jax import augment, cli, modalities
from gan_jax.common import lookup, pixels, rng, schedules, user_paths
from gan_jax.common.errors import ConfigError, at, refused_values
from gan_jax.common.types import Plain
from gan_jax.config import build, run_config, schema
from gan_jax.data import source as sources
from gan_jax.runtime import accelerators, devices

_BAR = 40


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_config_flag(values)
  flags.DEFINE_string('out', 'data.png', 'The PNG file to write.', flag_values=values)
  flags.DEFINE_integer('num', 64, 'Number of examples shown.', flag_values=values)
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['config'])
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  return show(schema.plain(flag.config), user_paths.expanded(flag.out, '--out'), flag.num)


def show(config: Plain, out: pathlib.Path, num: int) -> int:
  """Writes an image of the data, prints its properties, and returns the exit code.

  Args:
    config: the config of an experiment.
    out: the PNG file to write.
    num: the number of examples in it.

  Raises:
    ConfigError: `out` does not end in .png or cannot be written, `num` is below 1, or the config is
      not valid.
  """
  if out.suffix != '.png':
    raise ConfigError(f'--out={out}: not a PNG file (FILE.png); change --out')
  if num < 1:
    raise ConfigError(f'--num={num}: out of range (at least 1); change --num')
  devices.prepare()
  accelerators.check()
  schema.check(config, devices=1)
  source = build.make_source(run_config.parse(config).data)
  num_batches = -(-num // config['batch_size'])
  batches = [build.make_batch(source, config['batch_size'], index) for index in range(num_batches)]
  real = np.concatenate([batch['real'] for batch in batches])[:num]
  _print_properties(source, real)
  labels = _labels(source, batches)
  if labels is not None:
    _print_histogram(labels, source.classes)
  _save(out, _image(config, real))
  print(f'image:   {out}')
  return 0


def _save(out: pathlib.Path, image: np.ndarray) -> None:
  try:
    pixels.save_png(out, image)
  except OSError as error:
    raise ConfigError(
      f'--out={out}: cannot write to it ({error.strerror}); choose another path'
    ) from error


def _image(config: Plain, real: np.ndarray) -> np.ndarray:
  return modalities.of_shape(real.shape).drawing.data(real, lambda: _augmented(config, real))


def _augmented(config: Plain, real: np.ndarray) -> dict[str, jax.Array]:
  """Returns the images as the discriminator sees them in the first step, if the game augments them."""
  with at('gan'):
    if not config['gan'].get('augment'):
      return {}
    augmentation = lookup.make(augment, schedules.at_start(config['gan']['augment']))
    with refused_values():
      memory = augmentation.init_memory({'real': real})
    keys = rng.sample_keys(config['seed'], 0, len(real))
    return {'augmented': jax.jit(augmentation.apply)(real, keys, memory)}


def _print_properties(source: sources.Source, real: np.ndarray) -> None:
  print(f'data:    {source.about or "sampled for every batch"}')
  print(f'split:   {source.split}')
  print(f'shape:   {" x ".join(map(str, real.shape[1:]))}, {real.dtype}')
  print(
    f'range:   {real.min():.3f} to {real.max():.3f}, mean {real.mean():.3f}, in the {len(real)} shown'
  )


def _labels(source: sources.Source, batches: Sequence[Mapping[str, jax.Array]]) -> np.ndarray | None:
  """Returns all labels of a dataset, or of the batches if they are sampled; None without labels."""
  if source.labels is not None:
    return source.labels
  if 'label' not in batches[0]:
    return None
  return np.concatenate([batch['label'] for batch in batches])


def _print_histogram(labels: np.ndarray, classes: tuple[str, ...]) -> None:
  values, counts = np.unique(labels, return_counts=True)
  print(f'labels:  {len(values)} classes in {len(labels):,} examples')
  names = [str(classes[label]) if classes else str(label) for label in values]
  width = max(map(len, names))
  for name, count in zip(names, counts, strict=True):
    print(f'  {name:{width}}  {count:>9,}  {"#" * round(_BAR * count / counts.max())}')
