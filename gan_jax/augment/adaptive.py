"""Adaptive discriminator augmentation (ADA): Karras et al. 2020 (arXiv:2006.06676)."""

import functools
from collections.abc import Callable, Mapping, Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import base, colors, warps
from gan_jax.augment.base import Augmentation
from gan_jax.common import numerics, validation
from gan_jax.common.types import PyTree

GROUPS = ('blit', 'geometric', 'color')
"""Groups of transformations, in the order in which they are applied."""


def check(shape: Sequence[int], groups: Sequence[str]) -> None:
  """Raises ValueError unless all of the groups apply to images of a shape [B, H, W, C]."""
  _, height, width, channels = shape
  if 'blit' in groups and height != width:
    raise ValueError(
      f'augment.groups: images are {height} x {width} (blit rotates them, so it needs square ones); '
      'remove the group blit'
    )
  if 'color' in groups and channels not in (1, 3):
    raise ValueError(
      f'augment.groups: the images have {channels} channels (1 or 3 for color); remove the group color'
    )


def transform(
  groups: Sequence[str], probability: jax.Array, key: chex.PRNGKey, image: jax.Array
) -> jax.Array:
  """Transforms an image. Removing a group does not change the random numbers of the others.

  Args:
    groups: some of `GROUPS`.
    probability: of each transformation, a scalar in [0, 1].
    key: one key.
    image: [H, W, C], float32 or float64, of a shape that `check` accepts.

  Returns:
    The transformed image [H, W, C].
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
  """Returns draw(key) with the given probability, and `otherwise` if not."""
  chance_key, key = jax.random.split(key)
  return jnp.where(jax.random.uniform(chance_key) < probability, draw(key), otherwise)


def blit(key: chex.PRNGKey, image: jax.Array, probability: jax.Array) -> jax.Array:
  """Flips, rotates by right angles and shifts by whole pixels, which copies pixels exactly.

  In this order, each with probability p:

  - left and right are exchanged with probability 1/2;
  - the image is rotated by 0 to 3 right angles;
  - the image is shifted by round(N U[-1/8, 1/8)) down and to the right.

  Args:
    key: one key.
    image: [N, N, C].
    probability: p, a scalar in [0, 1].

  Returns:
    [N, N, C].

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


def _log_normal(key: chex.PRNGKey, std: float) -> jax.Array:
  """Draws 2^N(0, std^2)."""
  return 2 ** (std * jax.random.normal(key))


def _angle(key: chex.PRNGKey) -> jax.Array:
  return jax.random.uniform(key, minval=-jnp.pi, maxval=jnp.pi)


@jax.default_matmul_precision('highest')
def draw_warp(key: chex.PRNGKey, probability: jax.Array, height: int, width: int) -> jax.Array:
  """Draws the affine map of one image, from points of the result to points of the image.

  In this order, each with probability p unless stated otherwise:

  - the image is enlarged by 2^N(0, 0.2^2);
  - it is rotated, with probability 1 - sqrt(1 - p);
  - it is enlarged by 2^N(0, 0.2^2) horizontally, and reduced by the same factor vertically;
  - it is rotated again, with probability 1 - sqrt(1 - p);
  - it is moved by N(0, 1/8^2) times its width and its height.

  Angles are uniform on the circle. The probability that at least one rotation happens is p.

  Args:
    key: one key.
    probability: p, a scalar in [0, 1].
    height: of the image.
    width: of the image.

  Returns:
    [3, 3], see `warps.warp`.

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B.
  """
  keys = jax.random.split(key, 5)
  rotation_probability = 1 - jnp.sqrt(1 - probability)
  isotropic = _sometimes(keys[0], probability, lambda key: _log_normal(key, 0.2), 1.0)
  before, after = (_sometimes(k, rotation_probability, _angle, 0.0) for k in (keys[1], keys[3]))
  anisotropic = _sometimes(keys[2], probability, lambda key: _log_normal(key, 0.2), 1.0)
  x, y = _sometimes(keys[4], probability, lambda key: jax.random.normal(key, (2,)) / 8, 0.0)
  return (
    warps.scaling(1 / isotropic, 1 / isotropic)
    @ warps.rotation(-before)
    @ warps.scaling(1 / anisotropic, anisotropic)
    @ warps.rotation(-after)
    @ warps.translation(-x * width, -y * height)
  )


@jax.default_matmul_precision('highest')
def draw_color(key: chex.PRNGKey, probability: jax.Array, channels: int) -> jax.Array:
  """Draws the color map of one image.

  In this order, each with probability p:

  - N(0, 0.2^2) is added to the brightness;
  - the contrast is multiplied by 2^N(0, 0.5^2);
  - dark and light are exchanged with probability 1/2;
  - for three channels, hues are rotated by an angle that is uniform on the circle;
  - for three channels, the saturation is multiplied by 2^N(0, 1).

  Args:
    key: one key.
    probability: p, a scalar in [0, 1].
    channels: 1 or 3.

  Returns:
    [channels + 1, channels + 1], see `colors`.

  Source: Karras et al. 2020 (arXiv:2006.06676), appendix B; for one channel as in the authors' code.
  """
  keys = jax.random.split(key, 5)
  sometimes = lambda index, draw, otherwise: _sometimes(keys[index], probability, draw, otherwise)
  brightness = sometimes(0, lambda key: 0.2 * jax.random.normal(key), 0.0)
  contrast = sometimes(1, lambda key: _log_normal(key, 0.5), 1.0)
  flip = sometimes(2, lambda key: jax.random.bernoulli(key).astype(jnp.float32), 0.0)
  matrix = (
    colors.luma_flip(flip, channels)
    @ colors.contrast(contrast, channels)
    @ colors.brightness(brightness, channels)
  )
  if channels == 1:
    return matrix
  hue = sometimes(3, _angle, 0.0)
  saturation = sometimes(4, lambda key: _log_normal(key, 1.0), 1.0)
  return colors.saturation(saturation, channels) @ colors.hue(hue) @ matrix


def ada(
  target: float = 0.6,
  images: float = 500_000,
  interval: int = 4,
  groups: Sequence[str] = GROUPS,
  initial: float = 0.0,
) -> Augmentation:
  """Returns adaptive discriminator augmentation (ADA).

  Each transformation happens with probability p, independently of the others. There are three groups:

  - 'blit', flips, rotations by right angles and shifts by whole pixels, see `adaptive.blit`;
  - 'geometric', scaling, rotation and translation, see `adaptive.draw_warp`;
  - 'color', see `adaptive.draw_color`.

  p adapts to overfitting. A discriminator that overfits has positive logits for all real training
  images. Let r be the mean sign of its logits for augmented real images, over `interval` steps. Then p
  increases by interval * batch / images if r is above the target, and decreases by as much if r is
  below. It stays in [0, 1]. Each step counts as one batch, even if the discriminator has several
  updates in it.

  The metrics are 'augmentation', which is p, and 'real_sign', the mean sign of a step.

  Args:
    target: of r, in [-1, 1].
    images: number of real images in which p can go from 0 to 1, positive and finite.
    interval: number of steps between changes of p, at least 1.
    groups: some of 'blit', 'geometric' and 'color'.
    initial: p before the first step, in [0, 1].

  Raises:
    ValueError: an argument is outside its range. When applied: 'blit' gets images that are not square,
      'color' gets images of neither 1 nor 3 channels, or 'geometric' gets images of one pixel.

  Source: Karras et al. 2020 (arXiv:2006.06676), section 3.1 and appendix B. The authors' code joins the
    first two groups in one map. It thus resamples rotations and shifts if another transformation of
    these groups happens too.
  """
  base.check_range('target', target, -1, 1)
  base.check_range('initial', initial, 0, 1)
  base.check_some('groups', groups, GROUPS)
  _check_speed(images, interval)

  def apply(images: jax.Array, keys: chex.PRNGKey, memory: PyTree) -> jax.Array:
    _check_groups(images.shape, groups)
    return base.map_images(functools.partial(transform, groups, memory['probability']), images, keys)

  def init_memory(batch: Mapping[str, jax.Array]) -> PyTree:
    _check_groups(batch['real'].shape, groups)
    return {
      'probability': jnp.float32(initial),
      'signs': jnp.float32(0),
      'steps': jnp.int32(0),
      'batch': jnp.int32(len(batch['real'])),
    }

  def update_memory(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
    signs, steps = memory['signs'] + jnp.float32(metrics['real_sign']), memory['steps'] + 1
    due = steps == interval
    change = jnp.sign(signs / interval - target) * interval * memory['batch'] / images
    adapted = jnp.clip(memory['probability'] + change, 0, 1)
    return {
      **memory,
      'probability': jnp.where(due, adapted, memory['probability']),
      'signs': jnp.where(due, 0, signs),
      'steps': jnp.where(due, 0, steps),
    }

  return Augmentation(apply, init_memory, update_memory, _report_ada)


def _check_speed(images: float, interval: int) -> None:
  if not numerics.is_positive(images):
    raise ValueError(f'images={images!r}: out of range (a finite number above 0); change images')
  validation.check_size('interval', interval)


def _check_groups(shape: Sequence[int], groups: Sequence[str]) -> None:
  base.check_images(shape)
  check(shape, groups)


def _report_ada(memory: PyTree, real_logits: jax.Array) -> dict[str, jax.Array]:
  signs = jnp.sign(real_logits.astype(jnp.float32))
  return {'augmentation': memory['probability'], 'real_sign': signs.mean()}
