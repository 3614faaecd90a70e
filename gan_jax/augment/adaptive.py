"""Adaptive discriminator augmentation (ADA): Karras et al. 2020 (arXiv:2006.06676)."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import base, colors, warps
from gan_jax.augment.base import Augmentation
from gan_jax.common import validation
from gan_jax.common.types import PyTree

GROUPS = ('blit', 'geometric', 'color')
"""Of changes, in the order in which they are done."""


def check(shape: Sequence[int], groups: Sequence[str]) -> None:
  """Raises ValueError unless all of the groups can be done to images of a shape [B, H, W, C]."""
  _, height, width, channels = shape
  if 'blit' in groups and height != width:
    raise ValueError(
      f'augment: images are {height} x {width}; a turn by a right angle needs square ones: leave out '
      'the group blit'
    )
  if 'color' in groups and channels not in (1, 3):
    raise ValueError(
      f'augment: images have {channels} channels; colors need 1 or 3: leave out the group color'
    )


def change(
  groups: Sequence[str], probability: jax.Array, key: chex.PRNGKey, image: jax.Array
) -> jax.Array:
  """An image after the groups; to leave one out does not change what the others draw.

  Args:
    groups: some of `GROUPS`.
    probability: of each change, a scalar in [0, 1].
    key: one key.
    image: [H, W, C], float32 or float64, of a shape that `check` lets pass.

  Returns:
    Of the shape of `image`.
  """
  blit_key, warp_key, color_key = jax.random.split(key, 3)
  height, width, channels = image.shape
  if 'blit' in groups:
    image = blit(blit_key, image, probability)
  if 'geometric' in groups:
    image = warps.warp(image, draw_warp(warp_key, probability, height, width))
  if 'color' in groups:
    image = colors.recolor(image, draw_color(color_key, probability, channels))
  return image


def _sometimes(
  key: chex.PRNGKey,
  probability: jax.Array,
  draw: Callable[[chex.PRNGKey], jax.Array],
  otherwise: jax.typing.ArrayLike,
) -> jax.Array:
  """What is drawn, with a probability."""
  chance_key, key = jax.random.split(key)
  return jnp.where(jax.random.uniform(chance_key) < probability, draw(key), otherwise)


def blit(key: chex.PRNGKey, image: jax.Array, probability: jax.Array) -> jax.Array:
  """The image flipped, turned by right angles and shifted by whole pixels: exact copies of its pixels.

  In this order, each with probability p: left and right are exchanged (half of the time that it comes),
  0 to 3 quarters of a turn, and a shift by round(N U[-1/8, 1/8)) down and to the right.

  Args:
    key: one key.
    image: [N, N, C].
    probability: p, a scalar in [0, 1].

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B.
  """
  keys, sides = jax.random.split(key, 3), np.array(image.shape[:2])

  def offset(key: chex.PRNGKey) -> jax.Array:
    return jnp.round(jax.random.uniform(key, (2,), minval=-1 / 8, maxval=1 / 8) * sides).astype(
      jnp.int32
    )

  flipped = _sometimes(keys[0], probability, jax.random.bernoulli, False)
  quarters = _sometimes(keys[1], probability, lambda key: jax.random.randint(key, (), 0, 4), 0)
  moved = _sometimes(keys[2], probability, offset, 0)
  image = warps.turn(jnp.where(flipped, image[:, ::-1], image), quarters)
  return warps.shift(image, moved, tuple(np.round(sides / 8).astype(int)))


def _power(key: chex.PRNGKey, deviation: float) -> jax.Array:
  return 2 ** (deviation * jax.random.normal(key))


def _angle(key: chex.PRNGKey) -> jax.Array:
  return jax.random.uniform(key, minval=-jnp.pi, maxval=jnp.pi)


@jax.default_matmul_precision('highest')
def draw_warp(key: chex.PRNGKey, probability: jax.Array, height: int, width: int) -> jax.Array:
  """The affine map of one image, from points of the result to its own, see `warps.warp`.

  In this order, each with probability p: the image is made larger 2^N(0, 0.2^2) times, turned, made
  larger 2^N(0, 0.2^2) times across and as much smaller down, turned again, and moved by N(0, 1/8^2) of
  its width and of its height. Angles are uniform on the circle; each of the two turns comes with
  probability 1 - sqrt(1 - p), so that p is that of any.

  Args:
    key: one key.
    probability: p, a scalar in [0, 1].
    height: of the image.
    width: of the image.

  Returns:
    [3, 3].

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B.
  """
  keys, once = jax.random.split(key, 5), 1 - jnp.sqrt(1 - probability)
  isotropic = _sometimes(keys[0], probability, lambda key: _power(key, 0.2), 1.0)
  before, after = (_sometimes(own, once, _angle, 0.0) for own in (keys[1], keys[3]))
  across = _sometimes(keys[2], probability, lambda key: _power(key, 0.2), 1.0)
  x, y = _sometimes(keys[4], probability, lambda key: jax.random.normal(key, (2,)) / 8, 0.0)
  return (
    warps.scaling(1 / isotropic, 1 / isotropic)
    @ warps.rotation(-before)
    @ warps.scaling(1 / across, across)
    @ warps.rotation(-after)
    @ warps.translation(-x * width, -y * height)
  )


@jax.default_matmul_precision('highest')
def draw_color(key: chex.PRNGKey, probability: jax.Array, channels: int) -> jax.Array:
  """The map of colors of one image, see `colors`.

  In this order, each with probability p: brightness N(0, 0.2^2), contrast 2^N(0, 0.5^2), dark and light
  exchanged (half of the time that it comes), and of three channels hues turned by an angle uniform on
  the circle, and saturation 2^N(0, 1).

  Args:
    key: one key.
    probability: p, a scalar in [0, 1].
    channels: 1 or 3.

  Returns:
    [channels + 1, channels + 1].

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B; of one channel as in the authors' code.
  """
  keys = jax.random.split(key, 5)
  some = lambda place, draw, otherwise: _sometimes(keys[place], probability, draw, otherwise)
  brighter = some(0, lambda key: 0.2 * jax.random.normal(key), 0.0)
  contrast = some(1, lambda key: _power(key, 0.5), 1.0)
  flipped = some(2, lambda key: jax.random.bernoulli(key).astype(jnp.float32), 0.0)
  matrix = (
    colors.luma_flip(flipped, channels)
    @ colors.contrast(contrast, channels)
    @ colors.brightness(brighter, channels)
  )
  if channels == 1:
    return matrix
  turned, saturated = some(3, _angle, 0.0), some(4, lambda key: _power(key, 1.0), 1.0)
  return colors.saturation(saturated, channels) @ colors.hue(turned) @ matrix


def ada(
  target: float = 0.6,
  images: float = 500_000,
  interval: int = 4,
  groups: Sequence[str] = GROUPS,
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
  base.check_range('target', target, -1, 1)
  base.check_range('initial', initial, 0, 1)
  base.check_some('groups', groups, GROUPS)
  _check_speed(images, interval)

  def apply(images: jax.Array, keys: chex.PRNGKey, memory: PyTree) -> jax.Array:
    _check_groups(images.shape, groups)
    return base.each(functools.partial(change, groups, memory['probability']), images, keys)

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
  if not validation.is_whole(interval, 1):
    raise ValueError(f'interval is {interval!r}; it must be a whole number from 1')


def _check_groups(shape: Sequence[int], groups: Sequence[str]) -> None:
  base._check_images(shape)
  check(shape, groups)


def _report_ada(memory: PyTree, real_scores: jax.Array) -> dict[str, jax.Array]:
  signs = jnp.sign(real_scores.astype(jnp.float32))
  return {'augmentation': memory['probability'], 'real_sign': signs.mean()}
