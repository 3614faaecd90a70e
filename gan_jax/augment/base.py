"""The contract of augmentations, and horizontal flips."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common.types import PyTree

Change = Callable[[chex.PRNGKey, jax.Array], jax.Array]


def checked(batch: Mapping[str, jax.Array]) -> PyTree:
  """Returns no memory; ValueError unless the batch holds images."""
  _check_images(batch['real'].shape)
  return {}


def _unchanged(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
  return memory


def _silent(memory: PyTree, real_scores: jax.Array) -> dict[str, jax.Array]:
  return {}


class Augmentation(NamedTuple):
  """What is done to images, and what it remembers from step to step.

  Attributes:
    apply: (images [B, H, W, C], floats around 0 as in [-1, 1], keys [B], memory) -> images of that
      shape and type; what becomes of an image depends on it, its key and the memory alone.
    init_memory: (a global batch, see `game.Inputs`) -> what it remembers before the first step.
    update_memory: (memory, metrics of the discriminator) -> memory, after each step.
    report: (memory, scores [B] of augmented real images) -> metrics for the discriminator to report.
  """

  apply: Callable[[jax.Array, chex.PRNGKey, PyTree], jax.Array]
  init_memory: Callable[[Mapping[str, jax.Array]], PyTree] = checked
  update_memory: Callable[[PyTree, Mapping[str, jax.Array]], PyTree] = _unchanged
  report: Callable[[PyTree, jax.Array], dict[str, jax.Array]] = _silent


def _check_images(shape: Sequence[int]) -> None:
  if len(shape) != 4:
    raise ValueError(
      f'augment: examples are of shape {tuple(shape)}; only images [B, height, width, channels] can be '
      'augmented: leave augment out'
    )


def check_range(name: str, value: float, least: float, most: float) -> None:
  """Raises ValueError unless `least <= value <= most`."""
  if not least <= value <= most:
    raise ValueError(f'{name} is {value}; it must be from {least:g} to {most:g}')


def check_some(name: str, given: Sequence[str], known: Sequence[str]) -> None:
  """Raises ValueError unless `given` is a list of one or more of the `known` names."""
  if isinstance(given, str) or not given or not set(given) <= set(known):
    raise ValueError(f'{name} is {given!r}; it must be a list of some of: {", ".join(known)}')


def each(change: Change, images: jax.Array, keys: chex.PRNGKey) -> jax.Array:
  """The change of every image, in float32 at least: places and colors are finer than bfloat16."""
  _check_images(images.shape)
  chex.assert_type(images, float)
  wide = images.astype(jnp.promote_types(images.dtype, jnp.float32))
  return jax.vmap(change)(keys, wide).astype(images.dtype)


def always(change: Change) -> Augmentation:
  """A change that needs no memory."""
  return Augmentation(lambda images, keys, memory: each(change, images, keys))


def flip(probability: float = 0.5) -> Augmentation:
  """Left and right exchanged in some images.

  Args:
    probability: of an image to be flipped, in [0, 1].

  Raises:
    ValueError: the probability is outside its range.
  """
  check_range('probability', probability, 0, 1)
  return always(
    lambda key, image: jnp.where(jax.random.bernoulli(key, probability), image[:, ::-1], image)
  )
