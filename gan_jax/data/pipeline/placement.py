"""Where a set of images lies while it is trained on: in the memory of the devices, or on the disk.

Both give the same batches. Each epoch is a permutation of its own, cut into whole batches; the few
images that are left over are others in every epoch.
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import cache, hashing, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.pixels import normalized
from gan_jax.data.pipeline.shuffle import secrets, shuffled, shuffled_on_host
from gan_jax.data.source import Images, Source, flattened, flattened_size, unflattened
from gan_jax.runtime import devices

RESIDENT_SHARE = 0.25
"""Of the memory of a device: a set that takes no more lies there, unless it is said otherwise."""


class ImageSet(NamedTuple):
  """A set of images, and what is known of it.

  Attributes:
    images: uint8 [N, height, width, channels].
    labels: int32 [N], or None.
    name: of the set, for a person.
    split, digest, classes: as of `source.Source`.
  """

  images: Images
  labels: np.ndarray | None = None
  name: str = 'images'
  split: str = 'train'
  digest: str = ''
  classes: tuple[str, ...] = ()


def place(
  images: ImageSet, seed: int, batch_size: int, placement: str = 'auto', flip: bool = False
) -> Source:
  """A source of the images, in the memory of the devices or read from the disk.

  Args:
    images: the set.
    seed: of the order.
    batch_size: global.
    placement: 'resident', 'stream', or 'auto': resident where the set takes no more than
      RESIDENT_SHARE of the memory of a device.
    flip: whether every second image, by chance, is mirrored left to right.

  Raises:
    ConfigError: a batch is larger than the set, or what becomes resident has changed on the disk.
  """
  total, memory = len(images.images), devices.device_memory()
  if batch_size > total:
    raise ConfigError(f'batch_size is {batch_size}, but the data has {total} images; lower it')
  size = flattened_size(images.images.shape)
  resident = placement == 'resident' or (placement == 'auto' and size <= RESIDENT_SHARE * memory)
  order = _Order(seed, batch_size, total, flip)
  about = (
    f'{_in_words(images)}, {"resident on each device" if resident else "streamed"} '
    f'({_size(size)} of {_size(memory)})'
  )
  made = _resident(images, order) if resident else _streamed(images, order)
  known = {key: getattr(images, key) for key in ('images', 'labels', 'split', 'digest', 'classes')}
  return made._replace(about=about, **known)


class _Order(NamedTuple):
  """What decides which images a batch is of."""

  seed: int
  batch_size: int
  total: int
  flip: bool

  @property
  def per_epoch(self) -> int:
    """Batches of an epoch."""
    return self.total // self.batch_size

  def key(self, purpose: str) -> chex.PRNGKey:
    """Of the permutations of epochs ('order'), or of what is mirrored ('flip')."""
    return rng.key_for(self.seed, purpose)

  def mirrored(self, real: jax.Array, key: chex.PRNGKey, draw: jax.Array, rows: jax.Array) -> jax.Array:
    """The images of a batch, or each of them mirrored with probability one half."""
    if not self.flip:
      return real
    chosen = jax.vmap(jax.random.bernoulli)(rng.example_keys(jax.random.fold_in(key, draw), rows))
    return jnp.where(chosen[:, None, None, None], real[:, :, ::-1], real)


def _arrays(images: ImageSet) -> dict[str, np.ndarray]:
  return {'image': images.images} | ({} if images.labels is None else {'label': images.labels})


def _named(
  order: _Order, chosen: Mapping[str, jax.Array], key: chex.PRNGKey, draw, rows
) -> dict[str, jax.Array]:
  """A batch as a loss sees it, of what lay at rest."""
  labels = {'label': chosen['label']} if 'label' in chosen else {}
  return {'real': order.mirrored(normalized(chosen['image']), key, draw, rows), **labels}


def _resident(images: ImageSet, order: _Order) -> Source:
  arrays = {key: np.asarray(array) for key, array in _arrays(images).items()}
  shape = images.images.shape[1:]
  if images.digest and hashing.of_array(arrays['image']) != images.digest:
    raise ConfigError(
      f'the decoded images of {images.name} are not as they were written: remove '
      f'{cache.folder() / "images"}, and they are decoded anew'
    )
  arrays['image'] = flattened(arrays['image'])
  # Not constants of the program: runs of several seeds share one.
  keys = {use: np.asarray(jax.random.key_data(order.key(use))) for use in ('order', 'flip')}

  def batch(arrays, draw, rows):
    by, flip = (jax.random.wrap_key_data(arrays[use]) for use in ('order', 'flip'))
    places = draw % order.per_epoch * order.batch_size + rows
    chosen = shuffled(jax.random.fold_in(by, draw // order.per_epoch), places, order.total)
    at_rest = {key: array[chosen] for key, array in arrays.items() if key not in keys}
    at_rest['image'] = unflattened(at_rest['image'], shape)
    return _named(order, at_rest, flip, draw, rows)

  return Source(arrays | keys, batch)


def _streamed(images: ImageSet, order: _Order) -> Source:
  at_rest, chosen_by = _arrays(images), _chooser(order)

  def part(first: int, count: int, rows: np.ndarray) -> dict[str, np.ndarray]:
    places = np.stack([chosen_by(draw, rows) for draw in range(first, first + count)])
    return {key: array[places] for key, array in at_rest.items()} | {'first': np.array(first, np.int32)}

  def batch(arrays, draw, rows):
    parts = {key: array[draw - arrays['first']] for key, array in arrays.items() if key != 'first'}
    return _named(order, parts, order.key('flip'), draw, rows)

  return Source({}, batch, part=part)


def _chooser(order: _Order) -> Callable[[int, np.ndarray], np.ndarray]:
  """(draw, rows [b]) -> the places [b] in the set of these rows of a batch."""

  @functools.lru_cache(4)
  def of_epoch(epoch: int) -> np.ndarray:
    # It is needed as it is also where a batch is asked for while a program is traced.
    with jax.ensure_compile_time_eval():
      return np.asarray(secrets(jax.random.fold_in(order.key('order'), epoch)))

  def chosen(draw: int, rows: np.ndarray) -> np.ndarray:
    epoch, batch = divmod(draw, order.per_epoch)
    return shuffled_on_host(of_epoch(epoch), batch * order.batch_size + rows, order.total)

  return chosen


def _in_words(images: ImageSet) -> str:
  total, *shape = images.images.shape
  return f'{total:,} images {" x ".join(map(str, shape))} of {images.name}'


def _size(count: int) -> str:
  return f'{count / 1e9:,.2f} GB' if count >= 1e8 else f'{count / 1e6:,.1f} MB'
