"""DiffAugment and random translation: Zhao et al. 2020 (arXiv:2006.10738)."""

import functools
from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import base, warps
from gan_jax.augment.base import Augmentation
from gan_jax.common import numerics


def translation(fraction: float = 0.125) -> Augmentation:
  """Returns the augmentation that moves images by whole pixels and fills with 0, which is gray.

  Args:
    fraction: in [0, 1]. The largest offset along a side is side * fraction, rounded. All offsets up to
      it are equally likely.

  Raises:
    ValueError: the fraction is outside its range.

  Source: Zhao et al. 2020 (arXiv:2006.10738), section 3.2.
  """
  base.check_range('fraction', fraction, 0, 1)
  return base.stateless(functools.partial(_translate, fraction=fraction))


def diffaugment(policy: Sequence[str] = ('color', 'translation', 'cutout')) -> Augmentation:
  """Returns DiffAugment, which applies all transformations of a policy to every image.

  - 'color' changes brightness, saturation and contrast. It adds U[-1/2, 1/2) to the image. It then
    multiplies the distance from the mean over channels, in each pixel, by U[0, 2), and the distance
    from the mean of the image by U[1/2, 3/2).
  - 'translation' moves the image by whole pixels, up to 1/8 of each side, and fills with 0.
  - 'cutout' sets a rectangle to 0. It has half of each side, and its center is anywhere in the image.

  Args:
    policy: one or more of these three, in the order in which they are applied.

  Raises:
    ValueError: the policy is empty or has an unknown name.

  Source: Zhao et al. 2020 (arXiv:2006.10738), section 3.2; ranges and rounding are those of the
    authors' code.
  """
  transforms = {'color': _jitter_color, 'translation': _translate, 'cutout': _cut_out}
  base.check_some('policy', policy, list(transforms))

  def apply_policy(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
    for transform_key, name in zip(jax.random.split(key, len(policy)), policy, strict=True):
      image = transforms[name](transform_key, image)
    return image

  return base.stateless(apply_policy)


def _jitter_color(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
  brightness, saturation, contrast = jax.random.uniform(key, (3,), image.dtype)
  image = image + (brightness - 0.5)
  gray = image.mean(axis=-1, keepdims=True)
  image = gray + 2 * saturation * (image - gray)
  mean = image.mean()
  return mean + (contrast + 0.5) * (image - mean)


def _translate(key: chex.PRNGKey, image: jax.Array, fraction: float = 0.125) -> jax.Array:
  reach = np.array(image.shape[:2]) * fraction + 0.5
  if numerics.is_traced(fraction):
    largest, bound = reach.astype(jnp.int32), image.shape[:2]
  else:
    largest = reach.astype(int)
    bound = tuple(largest.tolist())
  offset = jax.random.randint(key, (2,), -largest, largest + 1)
  return warps.shift(image, offset, bound, 'constant')


def _cut_out(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
  sides = np.array(image.shape[:2])
  size = (sides * 0.5 + 0.5).astype(int)
  start = jax.random.randint(key, (2,), 0, sides + 1 - size % 2) - size // 2
  rows, columns = (
    (np.arange(side) >= begin) & (np.arange(side) < begin + length)
    for side, begin, length in zip(sides, start, size, strict=True)
  )
  return jnp.where((rows[:, None] & columns)[..., None], 0, image)
