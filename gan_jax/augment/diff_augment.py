"""DiffAugment and random translation: Zhao et al. 2020 (arXiv:2006.10738)."""

import functools
from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import base, warps
from gan_jax.augment.base import Augmentation


def translation(share: float = 0.125) -> Augmentation:
  """Images moved by whole pixels, up to a share of each side each way; grey comes in, which is 0.

  Args:
    share: in [0, 1]; the longest way is side * share, rounded, and all ways are equally likely.

  Raises:
    ValueError: the share is outside its range.

  Source: Zhao et al. 2020 (arXiv:2006.10738), section 3.2.
  """
  base.check_range('share', share, 0, 1)
  return base.always(functools.partial(_translate, share=share))


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
  base.check_some('policy', policy, list(ways))

  def change(key: chex.PRNGKey, image: jax.Array) -> jax.Array:
    for own, way in zip(jax.random.split(key, len(policy)), policy, strict=True):
      image = ways[way](own, image)
    return image

  return base.always(change)


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
