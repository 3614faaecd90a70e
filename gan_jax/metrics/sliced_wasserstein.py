"""Sliced Wasserstein distance, of samples and of the patches of pictures.

On a line the best transport is known, from quantile to quantile; in a space of many dimensions, it is
averaged over lines through it.
"""

import functools
from typing import cast

import jax
import numpy as np

from gan_jax.metrics import _validation

PATCH = 7
"""Height and width of a patch."""

SMALLEST = 16
"""Height and width of the smallest level of a pyramid."""

DIRECTIONS = 512
"""How many lines a distance is averaged over, unless something else is asked for."""

PER_IMAGE = 128
"""Patches of a picture, unless something else is asked for."""

_VALUES = 2**22
_IMAGES = 64


def sliced_wasserstein(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  *,
  directions: int = DIRECTIONS,
  seed: int = 0,
  order: float = 2.0,
) -> float:
  """The distance along random directions, see `along`; even of equal distributions it is above 0.

  Args:
    real: [N, D].
    fake: [M, D].
    directions: how many, uniform on the sphere.
    seed: of the directions, at least 0.
    order: p >= 1.

  Returns:
    The distance, in units of the features.

  Raises:
    ValueError: of wrong shapes, not finite, or no such order or number of directions.

  Source: Bonneel et al. 2015, "Sliced and Radon Wasserstein barycenters of measures", section 3.
  """
  real, fake = _validation.pair(real, fake)
  return along(real, fake, random_directions(real.shape[1], directions, seed), order)


def random_directions(dimensions: int, count: int, seed: int) -> np.ndarray:
  """float64 [dimensions, count], each of length 1, uniform on the sphere."""
  if count < 1:
    raise ValueError(f'directions is {count}; it must be at least 1')
  drawn = np.random.default_rng(seed).standard_normal((dimensions, count))
  return drawn / np.linalg.norm(drawn, axis=0)


def along(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  directions: jax.typing.ArrayLike,
  order: float = 2.0,
) -> float:
  """(mean over directions of W_p^p)^(1/p) for the W_p of what is projected on each, in float64.

  Args:
    real: [N, D].
    fake: [M, D], of which each weighs N / M times as much as a real one.
    directions: [D, L], of length 1 unless something else is meant.
    order: p >= 1.

  Raises:
    ValueError: of wrong shapes, not finite, or no such order.
  """
  real, fake = _validation.pair(real, fake)
  directions = np.asarray(directions, np.float64)
  if directions.ndim != 2 or len(directions) != real.shape[1] or not directions.size:
    raise ValueError(f'directions have the shape {directions.shape}; it must be [{real.shape[1]}, L]')
  if not 1 <= order < np.inf:
    raise ValueError(f'order is {order}; it must be at least 1, and finite')
  # Far from the origin a projection would lose the digits that tell the sets apart.
  center = real.mean(axis=0)
  return _along(real - center, fake - center, directions, order)


def _along(real: np.ndarray, fake: np.ndarray, directions: np.ndarray, order: float) -> float:
  size, found = max(_VALUES // (len(real) + len(fake)), 1), []
  for first in range(0, directions.shape[1], size):
    lines = directions[:, first : first + size]
    found.append(_distances(_projected(real, lines), _projected(fake, lines), order))
  return _power_mean(np.concatenate(found), order)


def _power_mean(values: np.ndarray, order: float) -> float:
  """(mean of values^order)^(1 / order) of values [L] >= 0, which no power makes overflow or vanish."""
  largest = values.max()
  if order == 1 or not largest:
    return float(values.mean())
  return float(largest * np.mean((values / largest) ** order) ** (1 / order))


def _projected(x: np.ndarray, lines: np.ndarray) -> np.ndarray:
  """[L, N] of the type of x [N, D], in order along each line."""
  projected = lines.T.astype(x.dtype) @ x.T
  projected.sort(axis=1)
  return projected


def _distances(a: np.ndarray, b: np.ndarray, order: float) -> np.ndarray:
  """float64 [L], W_p between the rows of a [L, N] and b [L, M], each in order; a is overwritten."""
  n, m = a.shape[1], b.shape[1]
  if n == m:
    apart, widths = np.subtract(a, b, out=a), None
  else:
    # Quantile functions are steps at multiples of 1 / n and 1 / m: of 1 / (n m), to be exact.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    widths = np.diff(ends, prepend=0) / (n * m)
    apart = a[:, (ends - 1) // m] - b[:, (ends - 1) // n]
  np.abs(apart, out=apart)
  if order == 1:
    return _means(apart, widths)
  # As in `_power_mean`; in place, for new memory of that size takes longer than the arithmetic.
  largest = apart.max(axis=1)
  apart /= np.where(largest > 0, largest, 1)[:, None]
  np.power(apart, order, out=apart)
  return largest * _means(apart, widths) ** (1 / order)


def _means(x: np.ndarray, widths: np.ndarray | None) -> np.ndarray:
  """float64 [L], of rows [L, K] that weigh as much as these widths [K], or the same."""
  return x.mean(axis=1, dtype=np.float64) if widths is None else x @ widths


def pyramid_distance(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  *,
  per_image: int = PER_IMAGE,
  directions: int = DIRECTIONS,
  seed: int = 0,
) -> dict[str, float]:
  """How unlike the patches of pictures are at each level of detail: sliced W_1, times 1,000.

  A Laplacian pyramid splits each picture into levels, each of what the next, of half its size, does not
  show; the last shows all that is left. Of each level random patches of 7 x 7 are compared, in float32,
  after each channel of each set has been given the mean 0 and, if it varies at all, the deviation 1.

  Any size will do: halves are rounded up, and there are levels down to the last with both sides of at
  least 16. So 64 has 64, 32 and 16, and 31 has 31 and 16; 28, and all that is smaller, has one level,
  which is the picture itself.

  Patches lie at the same places in both sets, so that equal sets have the distance 0. Two sets of the
  same distribution do not: compare with the distance of two real sets of the same numbers.

  Args:
    real: uint8 [N, height, width, channels], both sides at least 7; the paper has N = 16,384.
    fake: uint8 [M, height, width, channels].
    per_image: patches of each level of a picture. Those of one level are held in float32: 0.75 GB a set
      of 10,000 pictures in colour.
    directions: how many.
    seed: of places and directions, at least 0.

  Returns:
    {height of the level, '64': its distance, ..., 'mean': the mean over levels}.

  Raises:
    ValueError: not such pictures, or no such number of patches or directions.

  Source: Karras et al. 2018 (arXiv:1710.10196), section 5; of the pyramid Burt & Adelson 1983, "The
    Laplacian pyramid as a compact image code".
  """
  real, fake = _checked_images(real, fake)
  if per_image < 1:
    raise ValueError(f'per_image is {per_image}; it must be at least 1')
  lines = random_directions(PATCH * PATCH * real.shape[3], directions, seed)
  found = {}
  for level, height in enumerate(heights(*real.shape[1:3])):
    patches = functools.partial(_patches, level=level, count=per_image, seed=seed)
    found[str(height)] = 1e3 * _along(patches(real), patches(fake), lines, 1.0)
  return {**found, 'mean': float(np.mean(list(found.values())))}


def _checked_images(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
  real, fake = np.asarray(real), np.asarray(fake)
  for name, images in (('real', real), ('fake', fake)):
    if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
      raise ValueError(
        f'{name} is {images.dtype} {list(images.shape)}; it must be uint8 [N, height, width, channels]'
      )
  if real.shape[1:] != fake.shape[1:]:
    raise ValueError(f'real pictures are {real.shape[1:]} and fake {fake.shape[1:]}; resize one set')
  if min(real.shape[1:3]) < PATCH:
    raise ValueError(f'pictures of {real.shape[1:3]} have no patch of {PATCH} x {PATCH}; enlarge them')
  return real, fake


def heights(height: int, width: int) -> list[int]:
  """Of the levels of a pyramid, the height of the picture first."""
  found = [height]
  while min(height, width) > 2 * SMALLEST - 2:
    height, width = -(-height // 2), -(-width // 2)
    found.append(height)
  return found


def pyramid(images: np.ndarray, levels: int) -> list[np.ndarray]:
  """The Laplacian pyramid of pictures [N, height, width, channels], the finest level first, float64.

  Each level is what is lost by going to the next and back; the last is the pictures, made so small. The
  filter is (1, 4, 6, 4, 1) / 16 in both directions, with the pictures mirrored at the border.
  """
  found, images = [], images.astype(np.float64)
  for _ in range(levels - 1):
    smaller, enlarged = _blurred(images)[:, ::2, ::2], np.zeros_like(images)
    enlarged[:, ::2, ::2] = smaller
    found.append(images - 4 * _blurred(enlarged))
    images = smaller
  return [*found, images]


def _blurred(images: np.ndarray) -> np.ndarray:
  for axis in (1, 2):
    size = images.shape[axis]
    padded = np.pad(images, [(2, 2) if a == axis else (0, 0) for a in range(4)], mode='reflect')
    taps = [np.take(padded, range(k, k + size), axis=axis) for k in range(5)]
    weighted = (weight * tap for weight, tap in zip((1, 4, 6, 4, 1), taps, strict=True))
    images = cast(np.ndarray, sum(weighted)) / 16
  return images


def _patches(images: np.ndarray, level: int, count: int, seed: int) -> np.ndarray:
  """Of one level, float32 [N count, channels 49], each channel of mean 0 and deviation 1."""
  # The last level is whole only if no further one is taken off it.
  levels = min(level + 2, len(heights(*images.shape[1:3])))
  rng = np.random.default_rng([seed, 1 + level])
  found = np.empty((len(images), count, images.shape[3], PATCH, PATCH), np.float32)
  for first in range(0, len(images), _IMAGES):
    part = pyramid(images[first : first + _IMAGES], levels)[level]
    windows = np.lib.stride_tricks.sliding_window_view(part, (PATCH, PATCH), (1, 2))
    places = rng.integers(0, windows.shape[1:3], (len(part), count, 2))
    rows = np.arange(len(part))[:, None]
    found[first : first + len(part)] = windows[rows, places[..., 0], places[..., 1]]
  _standardise(found)
  return found.reshape(len(images) * count, -1)


def _standardise(patches: np.ndarray) -> None:
  """Each channel of [N, K, channels, 7, 7], in place."""
  for channel in range(patches.shape[2]):
    values = patches[:, :, channel]
    values -= values.mean(dtype=np.float64)
    deviation = np.sqrt(np.square(values).mean(dtype=np.float64))
    values /= deviation if deviation > 0 else 1
