"""Sources of batches with more fields than 'real': pairs, two unpaired datasets, a few labels.

Each function takes factories of sources, so that it decides which seed each source has. A batch is a
pure function of the seed and the index of the batch, and so is each of its rows. A config names the
modules `paired`, `unpaired` and `labeled_subset`.

The other source may have further fields: a field 'label' of the source 'source' becomes 'source_label'.
"""

from collections.abc import Mapping

import jax
import numpy as np

from gan_jax.common import rng, validation
from gan_jax.common.errors import ConfigError
from gan_jax.common.pixels import normalized
from gan_jax.data.pipeline.order import Order
from gan_jax.data.pipeline.shuffle import secrets, shuffled, shuffled_on_host
from gan_jax.data.source import MakeSource, Source, example, flattened, unflattened

_ALIGNED = {
  'total': 'choose datasets whose images belong together, one by one',
  'flip': 'set flip to the same value in both',
  'selection': 'hold out, and skip as corrupt, the same images of both',
  'batch_size': 'give both the same batch size',
  'seed': 'give both the same seed',
}
"""{setting of an order that pairs share: the advice if it differs}."""


def paired(seed: int, real: MakeSource, source: MakeSource) -> Source:
  """Returns batches of 'real' and 'source': image i of one dataset belongs to image i of the other.

  Both have the same order and the same flips. Held-out examples are pairs too, if both datasets hold
  out the same images.

  Args:
    seed: the seed of the order.
    real: makes the source of the images that metrics compare with.
    source: makes the source of the images that belong to them.

  Raises:
    ConfigError: the datasets have different sizes, flips or held-out images, or have no fixed examples.
  """
  return _paired(real(seed), source(seed))


def _paired(real: Source, source: Source) -> Source:
  real_order, source_order = (
    _order(part, name, 'pairs') for part, name in ((real, 'real'), (source, 'source'))
  )
  for setting, remedy in _ALIGNED.items():
    one, other = getattr(real_order, setting), getattr(source_order, setting)
    if one != other:
      raise ConfigError(
        f'real and source: not pairs, since {setting} is {one!s:.12} in real and {other!s:.12} in '
        f'source (equal values); {remedy}'
      )
  held_out = lambda: _paired(_held_out(real, 'real'), _held_out(source, 'source'))
  return _joined(real, 'source', source)._replace(
    parts={'real': real, 'source': source}, held_out=held_out
  )


def unpaired(seed: int, real: MakeSource, source: MakeSource) -> Source:
  """Returns batches of 'real' and 'source' in two independent orders; sizes may differ.

  Held-out examples are unpaired too.

  Args:
    seed: the seed of the order of 'real'; another seed is derived from it for 'source'.
    real: makes the source of the examples that metrics compare with.
    source: makes the source of the other examples.
  """
  return _unpaired(real(seed), source(rng.seed_for(seed, 'source')))


def _unpaired(real: Source, source: Source) -> Source:
  held_out = lambda: _unpaired(_held_out(real, 'real'), _held_out(source, 'source'))
  return _joined(real, 'source', source)._replace(
    parts={'real': real, 'source': source}, held_out=held_out
  )


def labeled_subset(
  seed: int, real: MakeSource, per_class: int = 0, total: int = 0, subset_seed: int = 0
) -> Source:
  """Returns batches of a whole dataset, and of a few labeled images: 'labeled' and 'labeled_label'.

  The labeled images have a separate order. It is repeated until the epoch of the whole dataset ends.
  Each repetition is a new permutation of all labeled images, and may begin inside a batch. They are
  always resident on the devices. Held-out examples are those of the whole dataset.

  Args:
    seed: the seed of both orders.
    real: makes the source of the whole dataset, which has labels.
    per_class: the number of labeled images of each class; 0 if `total` is given.
    total: the number of all labeled images, a multiple of the number of classes; 0 if `per_class` is
      given.
    subset_seed: the seed of a permutation of the dataset; the first images of each class in it are
      labeled. A smaller subset is contained in a larger one of the same seed.

  Raises:
    ConfigError: the dataset has no labels or no fixed examples, a class has too few images, or the
      numbers are invalid.

  Source: Salimans et al. 2016 (arXiv:1606.03498), section 5, for 20, 50, 100 and 200 labels in all.
  """
  whole = real(seed)
  order = _order(whole, 'real', 'a labeled subset')
  if whole.labels is None:
    raise ConfigError('real: the dataset has no labels (classes are needed); choose another dataset')
  count = _per_class(whole.labels, per_class, total)
  subset = _repeated(whole, _first_of_each_class(whole.labels, count, subset_seed), order)
  return _joined(whole, 'labeled', subset)._replace(parts={'real': whole})


def _per_class(labels: np.ndarray, per_class: int, total: int) -> int:
  """Returns the number of labeled images of each class, from `per_class` or from `total`."""
  validation.check_size('per_class', per_class, least=0)
  validation.check_size('total', total, least=0)
  if bool(per_class) == bool(total):
    raise ConfigError(
      f'per_class={per_class}: not the only number, since total={total} (one of them is above 0); '
      'set one, and leave out the other'
    )
  classes, counts = np.unique(labels, return_counts=True)
  if total % len(classes):
    raise ConfigError(
      f'total={total}: not divisible by the {len(classes)} classes (a multiple); change total'
    )
  smallest = int(counts.min())
  if max(per_class, total // len(classes)) > smallest:
    name, value = ('per_class', per_class) if per_class else ('total', total)
    most = smallest if per_class else smallest * len(classes)
    raise ConfigError(
      f'{name}={value}: more than class {classes[counts.argmin()]} has (at most {most}); lower {name}'
    )
  return per_class or total // len(classes)


def _first_of_each_class(labels: np.ndarray, count: int, subset_seed: int) -> np.ndarray:
  """Returns the indices of the first `count` images of each class in a permutation, in order."""
  round_keys = np.asarray(secrets(rng.key_for(subset_seed, 'labeled subset')))
  permutation = shuffled_on_host(round_keys, np.arange(len(labels)), len(labels))
  permuted = labels[permutation]
  chosen = [permutation[np.flatnonzero(permuted == label)[:count]] for label in np.unique(labels)]
  return np.sort(np.concatenate(chosen))


def _repeated(whole: Source, indices: np.ndarray, order: Order) -> Source:
  """Returns a source of the images at `indices`, repeated in new permutations during each epoch."""
  assert whole.images is not None and whole.labels is not None
  images, total = np.asarray(whole.images[indices]), len(indices)
  uses = ('order', 'flip')
  key_data = {use: np.asarray(jax.random.key_data(order.key(f'labeled {use}'))) for use in uses}

  def batch(arrays, batch_index, rows):
    order_key, flip_key = (jax.random.wrap_key_data(arrays[use]) for use in uses)
    positions = batch_index % order.per_epoch * order.batch_size + rows
    epoch_key = jax.random.fold_in(order_key, batch_index // order.per_epoch)
    keys = rng.example_keys(epoch_key, positions // total)
    chosen = jax.vmap(lambda key, index: shuffled(key, index, total))(keys, positions % total)
    stored = unflattened(arrays['image'][chosen], images.shape[1:])
    labeled = order.flipped(normalized(stored), flip_key, batch_index, rows)
    return {'real': labeled, 'label': arrays['label'][chosen]}

  arrays = {'image': flattened(images), 'label': whole.labels[indices], **key_data}
  return Source(arrays, batch, about=f'{total:,} labeled images, resident on each device')


def _order(source: Source, name: str, use: str) -> Order:
  if source.order is None:
    raise ConfigError(
      f'{name}: the examples are sampled for every batch ({use} need a dataset); choose a dataset'
    )
  return source.order


def _held_out(source: Source, name: str) -> Source:
  if source.held_out is None:
    raise ConfigError(
      f'{name}: this data has no held-out examples (a source with `held_out`); choose other data'
    )
  return source.held_out()


def _joined(real: Source, name: str, other: Source) -> Source:
  """Returns the batches of `real` with the fields of `other`, whose names begin with `name`.

  Raises:
    ConfigError: `real` has fields of these names.
  """
  prefix = f'{name}.'
  renamed = {field: name if field == 'real' else f'{name}_{field}' for field in example(other)}
  for field in example(real):
    if field in renamed.values():
      raise ConfigError(
        f'real: has the field {field!r} already, which {name} adds (different names); '
        'nest them in another way'
      )

  def batch(arrays, batch_index, rows):
    own = {key: array for key, array in arrays.items() if not key.startswith(prefix)}
    others = {k.removeprefix(prefix): array for k, array in arrays.items() if k.startswith(prefix)}
    more = other.batch(others, batch_index, rows)
    return {**real.batch(own, batch_index, rows), **{renamed[key]: more[key] for key in more}}

  def read_batches(first: int, count: int, rows: np.ndarray) -> dict[str, np.ndarray]:
    chunk = dict(real.read_batches(first, count, rows)) if real.read_batches else {}
    return chunk | _prefixed(
      prefix, other.read_batches(first, count, rows) if other.read_batches else {}
    )

  return real._replace(
    arrays={**real.arrays, **_prefixed(prefix, other.arrays)},
    batch=batch,
    read_batches=read_batches if real.read_batches or other.read_batches else None,
    about=f'{_about(real)}; {name}: {_about(other)}',
  )


def _about(source: Source) -> str:
  return source.about or 'sampled for every batch'


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  return {f'{prefix}{key}': array for key, array in arrays.items()}
