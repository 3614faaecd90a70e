"""Places a dataset of images: resident on the devices, or streamed from the disk.

Both placements give the same batches. Each epoch has its own permutation, cut into full batches. The
few images that remain at the end of an epoch differ between epochs.
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import chex
import jax
import numpy as np

from gan_jax.common import cache, hashing
from gan_jax.common.errors import ConfigError
from gan_jax.common.pixels import normalized
from gan_jax.data.pipeline.order import Order
from gan_jax.data.pipeline.shuffle import secrets, shuffled, shuffled_on_host
from gan_jax.data.source import HELD_OUT, Images, Source, flattened, flattened_size, unflattened
from gan_jax.runtime import devices

RESIDENT_FRACTION = 0.25
"""Fraction of device memory up to which a dataset is resident by default."""


class ImageSet(NamedTuple):
  """A dataset of images.

  Attributes:
    images: uint8 [N, height, width, channels].
    labels: int32 [N], or None.
    name: the name of the dataset, for messages.
    split, digest, classes: see `source.Source`.
    indices: their indices in the dataset, int [N]; None if they are all of it.
  """

  images: Images
  labels: np.ndarray | None = None
  name: str = 'images'
  split: str = 'train'
  digest: str = ''
  classes: tuple[str, ...] = ()
  indices: np.ndarray | None = None


def place(
  images: ImageSet, seed: int, batch_size: int, placement: str = 'auto', flip: bool = False
) -> Source:
  """Returns a source of the images, resident on the devices or streamed from the disk.

  Args:
    images: the dataset.
    seed: the seed of the shuffled order.
    batch_size: the global batch size.
    placement: 'resident', 'stream', or 'auto'. 'auto' means resident if the dataset takes at most
      RESIDENT_FRACTION of the memory of a device.
    flip: whether to mirror each image left to right with probability one half.

  Raises:
    ConfigError: a batch is larger than the dataset, or cached images that become resident have
      changed on the disk.
  """
  total, memory = len(images.images), devices.device_memory()
  if batch_size > total:
    raise ConfigError(
      f'data.name={images.name}: it has {total} {_kind(images)}, fewer than batch_size={batch_size}; '
      f'lower batch_size{", or raise data.held_out" if images.split == HELD_OUT else ""}'
    )
  size = flattened_size(images.images.shape)
  resident = placement == 'resident' or (placement == 'auto' and size <= RESIDENT_FRACTION * memory)
  selection = 'all' if images.indices is None else hashing.of_array(images.indices)
  order = Order(seed, batch_size, total, flip, selection)
  about = (
    f'{_description(images)}, {"resident on each device" if resident else "streamed"} '
    f'({_size(size)} of {_size(memory)})'
  )
  source = _resident(images, order) if resident else _streamed(images, order)
  fields = {key: getattr(images, key) for key in ('images', 'labels', 'split', 'digest', 'classes')}
  return source._replace(about=about, order=order, **fields)


def _arrays(images: ImageSet) -> dict[str, np.ndarray]:
  if images.labels is None:
    return {'image': images.images}
  return {'image': images.images, 'label': images.labels}


def _as_batch(
  order: Order,
  stored: Mapping[str, jax.Array],
  key: chex.PRNGKey,
  batch_index: jax.Array,
  rows: jax.Array,
) -> dict[str, jax.Array]:
  """Returns a batch as a loss takes it, from stored images and labels."""
  real = order.flipped(normalized(stored['image']), key, batch_index, rows)
  if 'label' in stored:
    return {'real': real, 'label': stored['label']}
  return {'real': real}


def _resident(images: ImageSet, order: Order) -> Source:
  arrays = {key: np.asarray(array) for key, array in _arrays(images).items()}
  shape = images.images.shape[1:]
  if images.digest and hashing.of_array(arrays['image']) != images.digest:
    raise ConfigError(
      f'data.name={images.name}: the cached images differ from those that were written; remove '
      f'{cache.folder() / "images"} to decode them again'
    )
  arrays['image'] = flattened(arrays['image'])
  # Keys are arguments and not constants of the program, so runs with different seeds share it.
  keys = {use: np.asarray(jax.random.key_data(order.key(use))) for use in ('order', 'flip')}

  def batch(arrays, batch_index, rows):
    order_key, flip_key = (jax.random.wrap_key_data(arrays[use]) for use in ('order', 'flip'))
    indices = batch_index % order.per_epoch * order.batch_size + rows
    epoch_key = jax.random.fold_in(order_key, batch_index // order.per_epoch)
    chosen = shuffled(epoch_key, indices, order.total)
    stored = {key: array[chosen] for key, array in arrays.items() if key not in keys}
    stored['image'] = unflattened(stored['image'], shape)
    return _as_batch(order, stored, flip_key, batch_index, rows)

  return Source(arrays | keys, batch)


def _streamed(images: ImageSet, order: Order) -> Source:
  stored = _arrays(images)
  indices_of = _shuffled_indices(order)

  def read_batches(first: int, count: int, rows: np.ndarray) -> dict[str, np.ndarray]:
    indices = np.stack([indices_of(batch_index, rows) for batch_index in range(first, first + count)])
    chunk = {key: array[indices] for key, array in stored.items()}
    return chunk | {'first': np.array(first, np.int32)}

  def batch(arrays, batch_index, rows):
    offset = batch_index - arrays['first']
    chosen = {key: array[offset] for key, array in arrays.items() if key != 'first'}
    return _as_batch(order, chosen, order.key('flip'), batch_index, rows)

  return Source({}, batch, read_batches=read_batches)


def _shuffled_indices(order: Order) -> Callable[[int, np.ndarray], np.ndarray]:
  """Returns (batch_index, rows [b]) -> the indices [b] of these rows in the dataset."""

  @functools.lru_cache(4)
  def round_keys(epoch: int) -> np.ndarray:
    # The value is also needed where a batch is requested while a program is traced.
    with jax.ensure_compile_time_eval():
      return np.asarray(secrets(jax.random.fold_in(order.key('order'), epoch)))

  def indices_of(batch_index: int, rows: np.ndarray) -> np.ndarray:
    epoch, batch = divmod(batch_index, order.per_epoch)
    return shuffled_on_host(round_keys(epoch), batch * order.batch_size + rows, order.total)

  return indices_of


def _kind(images: ImageSet) -> str:
  return 'held-out images' if images.split == HELD_OUT else 'images'


def _description(images: ImageSet) -> str:
  total, *shape = images.images.shape
  return f'{total:,} {_kind(images)} {" x ".join(map(str, shape))} of {images.name}'


def _size(count: int) -> str:
  return f'{count / 1e9:,.2f} GB' if count >= 1e8 else f'{count / 1e6:,.1f} MB'
