"""Differentiable augmentation: what is done to every image that a discriminator is shown.

It is done to real and fake ones alike, so a discriminator cannot tell them apart by it, and gradients
go through it, so a generator learns to make what is real without it. With few examples it keeps the
discriminator from learning them by heart. A game names one of these factories and its arguments.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import adaptive, kinds, warps
from gan_jax.game import PyTree

Change = Callable[[chex.PRNGKey, jax.Array], jax.Array]


def _checked(batch: Mapping[str, jax.Array]) -> PyTree:
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
  init_memory: Callable[[Mapping[str, jax.Array]], PyTree] = _checked
  update_memory: Callable[[PyTree, Mapping[str, jax.Array]], PyTree] = _unchanged
  report: Callable[[PyTree, jax.Array], dict[str, jax.Array]] = _silent


def _check_images(shape: Sequence[int]) -> None:
  if len(shape) != 4:
    raise ValueError(
      f'augment: examples are of shape {tuple(shape)}; only images [B, height, width, channels] can be '
      'augmented: leave augment out'
    )


def _check_range(name: str, value: float, least: float, most: float) -> None:
  if not least <= value <= most:
    raise ValueError(f'{name} is {value}; it must be from {least:g} to {most:g}')


def _check_some(name: str, given: Sequence[str], known: Sequence[str]) -> None:
  if isinstance(given, str) or not given or not set(given) <= set(known):
    raise ValueError(f'{name} is {given!r}; it must be a list of some of: {", ".join(known)}')


def _each(change: Change, images: jax.Array, keys: chex.PRNGKey) -> jax.Array:
  """The change of every image, in float32 at least: places and colors are finer than bfloat16."""
  _check_images(images.shape)
  chex.assert_type(images, float)
  wide = images.astype(jnp.promote_types(images.dtype, jnp.float32))
  return jax.vmap(change)(keys, wide).astype(images.dtype)


def _always(change: Change) -> Augmentation:
  """A change that needs no memory."""
  return Augmentation(lambda images, keys, memory: _each(change, images, keys))


def flip(probability: float = 0.5) -> Augmentation:
  """Left and right exchanged in some images.

  Args:
    probability: of an image to be flipped, in [0, 1].

  Raises:
    ValueError: the probability is outside its range.
  """
  _check_range('probability', probability, 0, 1)
  return _always(
    lambda key, image: jnp.where(jax.random.bernoulli(key, probability), image[:, ::-1], image)
  )


def translation(share: float = 0.125) -> Augmentation:
  """Images moved by whole pixels, up to a share of each side each way; grey comes in, which is 0.

  Args:
    share: in [0, 1]; the longest way is side * share, rounded, and all ways are equally likely.

  Raises:
    ValueError: the share is outside its range.

  Source: Zhao et al. 2020 (arXiv:2006.10738), section 3.2.
  """
  _check_range('share', share, 0, 1)
  return _always(functools.partial(_translate, share=share))


def diffaugment(policy: Sequence[str] = ('color', 'translation', 'cutout')) -> Augmentation:
  """DiffAugment: every image changed in all ways of a policy, one after another.

  'color': brightness x + U[-1/2, 1/2); saturation, U[0, 2) times the distance from the mean of the
  channels in each pixel; contrast, U[1/2, 3/2) times that from the mean of the image. 'translation' by
  whole pixels up to 1/8 of each side, with 0 coming in. 'cutout': 0 in a rectangle of half of each
  side, whose middle is anywhere in the image.

  Args:
    policy: some of these three, in the order in which they are done.

  Raises:
    ValueError: the policy is empty or has something else.

  Source: Zhao et al. 2020 (arXiv:2006.10738), section 3.2; ranges and rounding are those of the
    authors' code.
  """
  ways = {'color': _tint, 'translation': _translate, 'cutout': _cut_out}
  _check_some('policy', policy, list(ways))

  def change(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
    for own, way in zip(jax.random.split(key, len(policy)), policy, strict=True):
      image = ways[way](own, image)
    return image

  return _always(change)


def _tint(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
  brightness, saturation, contrast = jax.random.uniform(key, (3,), image.dtype)
  image = image + (brightness - 0.5)
  grey = image.mean(axis=-1, keepdims=True)
  image = grey + 2 * saturation * (image - grey)
  mean = image.mean()
  return mean + (contrast + 0.5) * (image - mean)


def _translate(key: chex.PRNGKey, image: jax.Array, share: float = 0.125) -> jax.Array:
  most = tuple(int(side * share + 0.5) for side in image.shape[:2])
  offset = jax.random.randint(key, (2,), -np.array(most), np.array(most) + 1)
  return warps.shift(image, offset, most, 'constant')


def _cut_out(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
  sides = np.array(image.shape[:2])
  size = (sides * 0.5 + 0.5).astype(int)
  start = jax.random.randint(key, (2,), 0, sides + 1 - size % 2) - size // 2
  rows, columns = (
    (np.arange(side) >= begin) & (np.arange(side) < begin + length)
    for side, begin, length in zip(sides, start, size, strict=True)
  )
  return jnp.where((rows[:, None] & columns)[..., None], 0, image)


def ada(
  target: float = 0.6,
  images: float = 500_000,
  interval: int = 4,
  groups: Sequence[str] = adaptive.GROUPS,
  initial: float = 0.0,
) -> Augmentation:
  """Adaptive discriminator augmentation: each of many changes with a probability p that it finds.

  'blit': see `adaptive.blit`, flips, right angles and whole pixels; 'geometric': see
  `adaptive.draw_warp`, sizes, angles and places; 'color': see `adaptive.draw_color`. Each change comes
  with probability p, independently of the others.

  After every `interval` steps p goes by interval * batch / images up if the mean of the sign of the
  discriminator's scores of real, augmented images over these steps is above the target, and down if it
  is below, within [0, 1]. A discriminator that overfits has signs of 1 on what it was trained on. The
  metrics are 'augmentation', p, and 'real_sign', the mean. Scores must be positive where they mean
  real; one batch a step counts, however many updates the discriminator has in it.

  Args:
    target: of the mean sign, in [-1, 1].
    images: how many real images p takes from 0 to 1, positive and finite.
    interval: steps, a whole number from 1.
    groups: some of 'blit', 'geometric' and 'color'.
    initial: p before the first step, in [0, 1].

  Raises:
    ValueError: an argument is outside its range. When it is applied: images that are not square have
      'blit', images of neither 1 nor 3 channels have 'color', or images of one pixel have 'geometric'.

  Source: Karras et al. 2020 (arXiv:2006.06676), section 3.1 and appendix B. In the authors' code
    the first two groups are one map, so that turns and shifts are resampled too where others come.
  """
  _check_range('target', target, -1, 1)
  _check_range('initial', initial, 0, 1)
  _check_some('groups', groups, adaptive.GROUPS)
  _check_speed(images, interval)

  def apply(images: jax.Array, keys: chex.PRNGKey, memory: PyTree) -> jax.Array:
    _check_groups(images.shape, groups)
    return _each(functools.partial(adaptive.change, groups, memory['probability']), images, keys)

  def init_memory(batch: Mapping[str, jax.Array]) -> PyTree:
    _check_groups(batch['real'].shape, groups)
    count = {'steps': jnp.int32(0), 'batch': jnp.int32(len(batch['real']))}
    return {'probability': jnp.float32(initial), 'signs': jnp.float32(0), **count}

  def update_memory(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
    signs, steps = memory['signs'] + jnp.float32(metrics['real_sign']), memory['steps'] + 1
    due = steps == interval
    change = jnp.sign(signs / interval - target) * interval * memory['batch'] / images
    moved = jnp.clip(memory['probability'] + change, 0, 1)
    probability = jnp.where(due, moved, memory['probability'])
    begun = {'signs': jnp.where(due, 0, signs), 'steps': jnp.where(due, 0, steps)}
    return {**memory, **begun, 'probability': probability}

  return Augmentation(apply, init_memory, update_memory, _report_ada)


def _check_speed(images: float, interval: int) -> None:
  if not 0 < images < math.inf:
    raise ValueError(f'images is {images}; it must be more than 0')
  if not kinds.is_whole(interval, 1):
    raise ValueError(f'interval is {interval!r}; it must be a whole number from 1')


def _check_groups(shape: Sequence[int], groups: Sequence[str]) -> None:
  _check_images(shape)
  adaptive.check(shape, groups)


def _report_ada(memory: PyTree, real_scores: jax.Array) -> dict[str, jax.Array]:
  signs = jnp.sign(real_scores.astype(jnp.float32))
  return {'augmentation': memory['probability'], 'real_sign': signs.mean()}
