"""The interface of augmentations, and horizontal flips."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics
from gan_jax.common.types import PyTree

ImageTransform = Callable[[chex.PRNGKey, jax.Array], jax.Array]
"""(key, image [H, W, C]) -> the transformed image, of the same shape."""


def no_memory(batch: Mapping[str, jax.Array]) -> PyTree:
  """Returns an empty memory; raises ValueError unless the batch holds images."""
  check_images(batch['real'].shape)
  return {}


def _same_memory(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
  return memory


def _no_metrics(memory: PyTree, real_logits: jax.Array) -> dict[str, jax.Array]:
  return {}


class Augmentation(NamedTuple):
  """An augmentation of images, with the memory that it carries from step to step.

  Attributes:
    apply: (images [B, H, W, C], floats in about [-1, 1]; keys [B]; memory) -> images of the same shape
      and type. The result for an image depends only on the image, its key and the memory.
    init_memory: (a global batch, see `game.Inputs`) -> the memory before the first step.
    update_memory: (memory, metrics of the discriminator) -> the memory after a step.
    report: (memory, logits [B] of augmented real images) -> metrics of the discriminator.
  """

  apply: Callable[[jax.Array, chex.PRNGKey, PyTree], jax.Array]
  init_memory: Callable[[Mapping[str, jax.Array]], PyTree] = no_memory
  update_memory: Callable[[PyTree, Mapping[str, jax.Array]], PyTree] = _same_memory
  report: Callable[[PyTree, jax.Array], dict[str, jax.Array]] = _no_metrics


def check_images(shape: Sequence[int]) -> None:
  """Raises ValueError unless `shape` is that of images [B, H, W, C]."""
  if len(shape) != 4:
    raise ValueError(
      f'augment: the examples have shape {tuple(shape)} (only images [B, height, width, channels] can '
      'be augmented); remove augment'
    )


def check_range(name: str, value: float, least: float, largest: float) -> None:
  """Raises ValueError unless `least <= value <= largest`."""
  if not numerics.is_between(value, least, largest):
    raise ValueError(f'{name}={value!r}: out of range (from {least:g} to {largest:g}); change {name}')


def check_some(name: str, given: Sequence[str], known: Sequence[str]) -> None:
  """Raises ValueError unless `given` is a list of one or more of the `known` names."""
  if isinstance(given, str) or not given or not set(given) <= set(known):
    raise ValueError(f'{name}={given!r}: not usable (a list of one or more of: {", ".join(known)})')


def map_images(transform: ImageTransform, images: jax.Array, keys: chex.PRNGKey) -> jax.Array:
  """Transforms each image of a batch, in float32 or better.

  bfloat16 is too coarse for positions and colors.

  Args:
    transform: of one image.
    images: [B, H, W, C].
    keys: [B] keys.

  Returns:
    Images of the shape and type of `images`.
  """
  check_images(images.shape)
  chex.assert_type(images, float)
  wide = images.astype(jnp.promote_types(images.dtype, jnp.float32))
  return jax.vmap(transform)(keys, wide).astype(images.dtype)


def stateless(transform: ImageTransform) -> Augmentation:
  """Returns the augmentation by a transformation of single images, without a memory."""
  return Augmentation(lambda images, keys, memory: map_images(transform, images, keys))


def flip(probability: float = 0.5) -> Augmentation:
  """Returns the augmentation that exchanges left and right in some images.

  Args:
    probability: of a flip, in [0, 1].

  Raises:
    ValueError: the probability is outside its range.
  """
  check_range('probability', probability, 0, 1)
  return stateless(
    lambda key, image: jnp.where(jax.random.bernoulli(key, probability), image[:, ::-1], image)
  )
